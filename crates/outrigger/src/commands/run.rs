//! `outrigger run`: what starts, in which order, and how it stops.
//!
//! Starting: sockets that log drivers look for, log lines, the configuration, pipelines, pages.
//!
//! Stopping: intake stays open for senders that still send, then everything is sealed and sent.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::topology::Topology;
use engine::watchdog::Watchdog;
use engine::{Ledger, Running, Summary, Surroundings};
use net::{Endpoint, Environment, Listener, Prebound};
use telemetry::{LogSettings, log};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use super::{CATALOG, show};
use crate::Exit;
use crate::api::{self, Pages};
use crate::cli::{FluentBitOptions, RunOptions, VERSION};
use crate::configuration::{self, Resolved};
use crate::lifeboat::Boat;
use crate::lifeboat::unload::{CLAIM_LASTS, Unloader};
use crate::machine::Machine;
use crate::monitor::Monitor;
use crate::{early, health_check, report, seen, web};

/// Longest drain when neither the command line nor the configuration says: ECS kills after 30 s.
const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(25);
/// Of the budget, kept for what a lake has not published yet when every destination has what it takes.
const PUBLISH_SHARE: f64 = 0.3;
/// Longest wait for the note of what was delivered from a lifeboat.
const CUT_WITHIN: Duration = Duration::from_secs(2);
/// When a socket that was bound early counts as unwanted.
const UNUSED_AFTER: Duration = Duration::from_secs(2);

pub fn run(options: &RunOptions) -> Exit {
    start(options, &[])
}

/// The replaced program's own flags, put into the terms of `run`.
pub fn fluent_bit(options: FluentBitOptions) -> Exit {
    if options.version {
        super::print(&format!("outrigger {VERSION}, for Fluent Bit configurations\n"));
        return Exit::Drained;
    }
    let flags = configuration::from_flags(&options);
    let config = options.config.into_iter().collect();
    let sources = crate::cli::ConfigOptions { config, ..Default::default() };
    if options.dry_run {
        return super::validate_with(&sources, &flags);
    }
    let log_level = match (options.quiet, options.verbose) {
        (true, _) => Some("off".to_owned()),
        (_, 0) => None,
        (_, 1) => Some("debug".to_owned()),
        _ => Some("trace".to_owned()),
    };
    start(&RunOptions { sources, log_level, ..RunOptions::default() }, &flags)
}

fn start(options: &RunOptions, extra: &[configuration::Extra]) -> Exit {
    let environment = Environment::process();
    let sockets = early::bind(&environment);
    let mut log_settings = LogSettings::from_environment(&|name| environment.get(name).map(str::to_owned));
    if let Some(Ok(filter)) = options.log_level.as_ref().map(|level| level.parse()) {
        log_settings.filter = filter;
    }
    log::init(log_settings);
    let machine = Machine::read();
    match runtime(machine.workers) {
        Ok(runtime) => {
            let exit = runtime.block_on(run_until_stopped(options, extra, environment, sockets));
            // Whoever blocks his thread must not keep the process.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            error!(%error, "the runtime could not start");
            Exit::Failed
        }
    }
}

/// One thread where there is one worker: no synchronisation and no idle thread's memory.
pub fn runtime(workers: usize) -> io::Result<Runtime> {
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(workers).thread_name("outrigger").max_blocking_threads(4).enable_all().build()
}

/// The signals this process answers.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    reload: Signal,
}

enum Word {
    Stop(&'static str),
    Reload,
}

impl Signals {
    fn install() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Word::Stop("SIGINT"),
            _ = self.quit.recv() => Word::Stop("SIGQUIT"),
            _ = self.reload.recv() => Word::Reload,
        }
    }
}

async fn run_until_stopped(
    options: &RunOptions,
    extra: &[configuration::Extra],
    environment: Environment,
    sockets: Prebound,
) -> Exit {
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            error!(%error, "signals cannot be handled");
            return Exit::Failed;
        }
    };
    let resolved = configuration::resolve(&options.sources, extra, &environment, sockets.clone()).await;
    let Some((plan, mut current)) = planned(resolved, options) else { return Exit::Refused };
    if seen::is_open(&current.topology, &environment, pages_listen(&environment)) {
        let help = "set OUTRIGGER_TOKEN to a secret, or leave OUTRIGGER_LISTEN at 127.0.0.1:7070";
        error!(help, "the console would show everything to whoever reaches its address");
        return Exit::Refused;
    }
    if options.log_level.is_none()
        && let Some(Ok(filter)) = current.topology.service.log_level.as_ref().map(|level| level.parse())
    {
        log::set_filter(filter);
    }
    let ledger = Arc::new(Ledger::default());
    let mut running = Running::start(plan, ledger.clone());
    let _watchdog = Watchdog::start(Handle::current());
    let mut services = JoinSet::new();
    set_lifeboat(&mut running, &mut services, options, &current.surroundings);
    let (stop, stopped) = watch::channel(false);
    let unloading = unload_lifeboat(&running, options, &current.surroundings, stopped);
    services.spawn(close_unused(sockets.clone()));
    serve_pages(&mut services, &ledger, &current.topology, &environment);
    serve_monitor(&mut services, &ledger, &current.topology);
    serve_health_check(&mut services, &current.topology);
    serve_collector_metrics(&mut services, &ledger, &current.topology);
    services.spawn(report::report(ledger.clone()));
    info!(version = VERSION, found = %current.found, "outrigger started");

    let why = attend(&mut signals, options, extra, &environment, &sockets, &mut running, &mut current).await;
    let budget = options.shutdown_timeout.or(current.topology.service.grace).unwrap_or(DEFAULT_SHUTDOWN);
    info!(signal = why, budget_seconds = budget.as_secs(), "stopping: intake stays open while senders send");
    stop.send_replace(true);
    let end = Instant::now() + budget;
    let kept =
        if seen::publishes(&current.topology) { budget.mul_f64(PUBLISH_SHARE) } else { Duration::ZERO };
    let summary = running.shutdown(budget - kept).await;
    let left = end.saturating_duration_since(Instant::now());
    let published = seen::publish(&current.topology, &environment, left).await;
    if let Some(unloading) = unloading {
        let _ = tokio::time::timeout(CUT_WITHIN, unloading).await;
    }
    services.shutdown().await;
    finish(&summary, published)
}

fn set_lifeboat(
    running: &mut Running,
    services: &mut JoinSet<()>,
    options: &RunOptions,
    surroundings: &Surroundings,
) {
    let Some(boat) = boat(options.lifeboat.as_deref(), "OUTRIGGER_LIFEBOAT", surroundings) else { return };
    running.set_lifeboat(boat.clone());
    services.spawn(async move {
        if let Err(reason) = boat.check().await {
            let help = "allow the task role `s3:PutObject` there, or correct the place; until then what no destination takes by the end has nowhere to go";
            error!(reason, help, "the lifeboat cannot be written");
        }
    });
}

fn boat(option: Option<&str>, variable: &str, surroundings: &Surroundings) -> Option<Arc<Boat>> {
    let environment = &surroundings.environment;
    let uri = option.or(environment.get(variable)).filter(|uri| !uri.is_empty())?;
    let boat = Boat::new(uri, environment, surroundings.task.as_deref());
    boat.map_err(|reason| error!(lifeboat = uri, reason, "there will be no lifeboat")).ok().map(Arc::new)
}

/// Delivers what other tasks left in a lifeboat beside what comes in.
fn unload_lifeboat(
    running: &Running,
    options: &RunOptions,
    surroundings: &Surroundings,
    stop: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let boat = boat(options.lifeboat_source.as_deref(), "OUTRIGGER_LIFEBOAT_SOURCE", surroundings)?;
    let unloader = Unloader { replayer: running.replayer(), to: None, claim_lasts: CLAIM_LASTS, stop };
    Some(tokio::spawn(unloader.attend(boat)))
}

/// Receivers take their sockets when they first run; what is left a moment later nobody wants.
async fn close_unused(sockets: Prebound) {
    tokio::time::sleep(UNUSED_AFTER).await;
    for endpoint in sockets.close_unused() {
        warn!(%endpoint, "the configuration leaves this socket unused; closed");
    }
}

/// Reloads when asked or when the configuration changed; returns the signal that ends the process.
async fn attend(
    signals: &mut Signals,
    options: &RunOptions,
    extra: &[configuration::Extra],
    environment: &Environment,
    sockets: &Prebound,
    running: &mut Running,
    current: &mut Resolved,
) -> &'static str {
    loop {
        let changed = async {
            match options.reload {
                Some(every) => configuration::changed(&current.watched, every, environment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            word = signals.next() => if let Word::Stop(signal) = word { return signal },
            () = changed => {}
        }
        let resolved = configuration::resolve(&options.sources, extra, environment, sockets.clone()).await;
        let watched = resolved.watched.clone();
        let strict = RunOptions { strict: true, ..options.clone() };
        match planned(resolved, &strict) {
            Some((plan, new)) => {
                running.reload(plan).await;
                *current = new;
                info!(found = %current.found, "configuration replaced");
            }
            None => {
                // What was refused is not read again until it changes.
                current.watched = watched;
                error!("the new configuration was refused; the last good one goes on");
            }
        }
    }
}

/// Builds the components. Outside strict mode, what the user's own files got wrong is left out where the
/// generated FireLens configuration alone can run.
fn planned(resolved: Resolved, options: &RunOptions) -> Option<(engine::Plan, Resolved)> {
    let mut resolved = resolved;
    let plan = build(&mut resolved, options);
    if let Some(plan) = plan {
        return Some((plan, resolved));
    }
    let mut base = *resolved.fallback.take().filter(|_| !options.strict)?;
    error!("the configuration was refused; running with the generated FireLens configuration alone");
    let plan = build(&mut base, options)?;
    Some((plan, base))
}

fn build(resolved: &mut Resolved, options: &RunOptions) -> Option<engine::Plan> {
    let surroundings: &Surroundings = &resolved.surroundings;
    let plan = engine::plan(&resolved.topology, &CATALOG, surroundings, &mut resolved.diagnostics);
    configuration::log(&resolved.diagnostics, |diagnostics| show(diagnostics, options.sources.json));
    plan.filter(|_| !resolved.diagnostics.has_errors())
}

fn serve_pages(
    services: &mut JoinSet<()>,
    ledger: &Arc<Ledger>,
    topology: &Topology,
    environment: &Environment,
) {
    let listen = pages_listen(environment);
    if listen.eq_ignore_ascii_case("off") {
        return;
    }
    let Some(listener) = bind(listen, "pages") else { return };
    let router = api::router(Pages { ledger: ledger.clone() });
    let router = router.merge(web::router(ledger, topology, environment, listen));
    info!(listen = %listener.endpoint(), "serving /health, /metrics and /ledger");
    services.spawn(net::http::serve(listener, router, std::future::pending()));
}

fn pages_listen(environment: &Environment) -> &str {
    environment.get("OUTRIGGER_LISTEN").unwrap_or(api::DEFAULT_LISTEN)
}

fn serve_monitor(services: &mut JoinSet<()>, ledger: &Arc<Ledger>, topology: &Topology) {
    let Some(settings) = &topology.service.monitor else { return };
    let monitor = Monitor::new(ledger.clone(), settings.health);
    if let Some(listener) = bind(&settings.listen, "monitoring API") {
        services.spawn(monitor.clone().watch());
        services.spawn(net::http::serve(listener, monitor.router(), std::future::pending()));
    }
}

fn serve_health_check(services: &mut JoinSet<()>, topology: &Topology) {
    let Some(check) = &topology.service.health_check else { return };
    if let Some(listener) = bind(&check.listen, "health check") {
        services.spawn(net::http::serve(listener, health_check::router(&check.path), std::future::pending()));
    }
}

fn serve_collector_metrics(services: &mut JoinSet<()>, ledger: &Arc<Ledger>, topology: &Topology) {
    let Some(listen) = &topology.service.collector_metrics else { return };
    if let Some(listener) = bind(listen, "metrics under the Collector's names") {
        let router = api::collector_metrics(Pages { ledger: ledger.clone() });
        services.spawn(net::http::serve(listener, router, std::future::pending()));
    }
}

/// A page that cannot be served is no reason to lose logs.
fn bind(listen: &str, what: &str) -> Option<Listener> {
    let endpoint: Result<Endpoint, _> = listen.parse();
    let listener = match endpoint {
        Ok(endpoint) => Listener::bind(&endpoint).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    listener.map_err(|error| warn!(listen, error, what, "not served")).ok()
}

fn finish(summary: &Summary, published: bool) -> Exit {
    report::last_words(summary);
    if summary.lost + summary.on_disk + summary.saved > 0 || !published {
        Exit::Unsent
    } else {
        Exit::Drained
    }
}
