//! `outrigger replay`: delivers what a lifeboat, dead letters or a queue folder hold, then removes it.
//!
//! An object in S3 is claimed first, so that several may replay one bucket. What was delivered is removed; what
//! was not stays. `lifeboat::unload` says what a crash or another replay may send twice.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::replay::{Fate, Letters};
use engine::watchdog::Watchdog;
use engine::{Ledger, Running};
use net::{Environment, Prebound};
use serde_json::json;
use telemetry::{LogSettings, log};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, warn};

use super::{CATALOG, print, run, show};
use crate::Exit;
use crate::cli::ReplayOptions;
use crate::configuration::{self, Resolved};
use crate::disk;
use crate::lifeboat::Boat;
use crate::lifeboat::unload::{CLAIM_LASTS, Tally, Unloaded, Unloader};

/// How much of a folder is in the queues at once.
const AT_ONCE: u64 = 8 << 20;
/// Everything is settled when it ends.
const END_WITHIN: Duration = Duration::from_secs(1);

pub fn replay(options: &ReplayOptions) -> Exit {
    let environment = Environment::process();
    log::init(LogSettings::from_environment(&|name| environment.get(name).map(str::to_owned)));
    let Ok(runtime) = run::runtime(1) else { return Exit::Failed };
    runtime.block_on(async {
        let resolved = configuration::resolve(&options.sources, &[], &environment, Prebound::default()).await;
        let environment = resolved.surroundings.environment.clone();
        let task = resolved.surroundings.task.clone();
        let Some(mut session) = Session::start(resolved, options) else { return Exit::Refused };
        let done = if options.source.starts_with("s3://") {
            match Boat::new(&options.source, &environment, task.as_deref()) {
                Ok(boat) => session.replay_bucket(&boat).await,
                Err(problem) => Err(problem),
            }
        } else {
            session.replay_folders(Path::new(&options.source)).await
        };
        session.finish(done).await
    })
}

/// The configuration's destinations at work, without receivers.
struct Session {
    running: Running,
    unloader: Unloader,
    ids: Vec<String>,
    /// Sources with something left.
    left: u64,
    _watchdog: Watchdog,
}

impl Session {
    fn start(mut resolved: Resolved, options: &ReplayOptions) -> Option<Session> {
        let topology = &mut resolved.topology;
        topology.receivers.clear();
        topology.processors.clear();
        topology.pipelines.clear();
        for exporter in &mut topology.exporters {
            // The folders belong to the process that runs; what is not delivered stays where it is.
            (exporter.delivery.disk, exporter.delivery.dead) = (None, None);
        }
        let ids = topology.exporters.iter().map(|exporter| exporter.component.id.to_string()).collect();
        let plan =
            engine::plan(&resolved.topology, &CATALOG, &resolved.surroundings, &mut resolved.diagnostics);
        show(&resolved.diagnostics, options.sources.json);
        let plan = plan.filter(|_| !resolved.diagnostics.has_errors())?;
        let stop = stop_on_signal()?;
        let running = Running::start(plan, std::sync::Arc::new(Ledger::default()));
        let (replayer, to) = (running.replayer(), options.to.clone());
        let claim_lasts = options.claim.unwrap_or(CLAIM_LASTS);
        let unloader = Unloader { replayer, to, claim_lasts, stop };
        let _watchdog = Watchdog::start(tokio::runtime::Handle::current());
        Some(Session { running, unloader, ids, left: 0, _watchdog })
    }

    async fn finish(self, done: Result<(), String>) -> Exit {
        let stopped = self.unloader.is_stopped();
        self.running.shutdown(END_WITHIN).await;
        log::flush();
        match done {
            Err(problem) => {
                error!("{problem}");
                Exit::Failed
            }
            Ok(()) if stopped || self.left > 0 => Exit::Unsent,
            Ok(()) => Exit::Drained,
        }
    }

    async fn replay_bucket(&mut self, boat: &Boat) -> Result<(), String> {
        let keys = boat.objects().await.map_err(|error| format!("the lifeboat cannot be listed: {error}"))?;
        for key in keys {
            if self.unloader.is_stopped() {
                break;
            }
            let source = format!("s3://{}/{key}", boat.bucket);
            match self.unloader.unload(boat, &key).await {
                Ok(Unloaded::Done(tally)) => self.tell(&source, &tally),
                Ok(Unloaded::Gone) => {}
                Ok(Unloaded::Claimed) => {
                    warn!(key, "another replay has claimed this object");
                    self.left += 1;
                }
                Err(problem) => {
                    error!(source, "{problem}; {}", self.choices());
                    self.left += 1;
                }
            }
        }
        Ok(())
    }

    fn choices(&self) -> String {
        format!("--to takes one of: {}", self.ids.join(", "))
    }

    async fn replay_folders(&mut self, folder: &Path) -> Result<(), String> {
        let folders = folders_with_segments(folder, 2);
        if folders.is_empty() && !folder.is_dir() {
            return Err(format!("there is no folder {}", folder.display()));
        }
        for folder in folders {
            if self.unloader.is_stopped() {
                break;
            }
            match self.replay_folder(&folder).await {
                Ok(tally) => self.tell(&folder.display().to_string(), &tally),
                Err(problem) => {
                    error!(folder = %folder.display(), "{problem}; {}", self.choices());
                    self.left += 1;
                }
            }
        }
        Ok(())
    }

    async fn replay_folder(&mut self, folder: &Path) -> Result<Tally, String> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let known = self.ids.iter().find(|id| disk::folder_name(id) == name).cloned();
        let id = self.unloader.to.clone().or(known).unwrap_or(name);
        self.unloader.fits(&id, None)?;
        let mut letters = Letters::open(folder).map_err(|error| error.to_string())?;
        let damaged_bytes = letters.damage.iter().map(|damage| damage.bytes).sum();
        let mut tally = Tally { destination: id.clone(), delivered: 0, left: 0, damaged_bytes };
        loop {
            let batch = letters.take(AT_ONCE);
            if batch.is_empty() {
                return Ok(tally);
            }
            let kept: Vec<_> = batch
                .iter()
                .map(|letter| (letter.place, letter.note.clone(), letter.payload.records))
                .collect();
            let payloads = batch.into_iter().map(|letter| letter.payload).collect();
            let fates = self.unloader.send(&id, payloads, None).await;
            for ((place, note, records), fate) in kept.into_iter().zip(fates) {
                let (left, noted) = match fate {
                    Fate::Settled => (0, letters.done(place).map_err(|error| error.to_string())),
                    Fate::Left => (records, Ok(())),
                    Fate::Parts(parts) => {
                        let left = parts.iter().map(|part| part.records).sum();
                        (left, letters.cut(place, &note, &parts).map_err(|error| error.to_string()))
                    }
                };
                noted.map_err(|error| format!("delivered, but not noted: {error}"))?;
                tally.left += left;
                tally.delivered += records - left;
            }
        }
    }

    fn tell(&mut self, source: &str, tally: &Tally) {
        let Tally { destination, delivered, left, damaged_bytes } = tally;
        self.left += u64::from(*left > 0);
        if stdout().is_terminal() {
            let left = if *left > 0 { format!(", {left} left") } else { String::new() };
            print(&format!("{destination:<20} {delivered:>10} records delivered{left}   {source}\n"));
        } else {
            let line = json!({
                "source": source, "destination": destination, "delivered": delivered, "left": left,
                "damaged_bytes": damaged_bytes,
            });
            print(&format!("{line}\n"));
        }
    }
}

/// Becomes true with the first signal that asks to stop.
fn stop_on_signal() -> Option<watch::Receiver<bool>> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.send_replace(true);
    });
    Some(stopped)
}

/// The folder itself or those in it, so many levels down, that hold segments.
fn folders_with_segments(folder: &Path, levels: u32) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    if paths.iter().any(|path| path.extension().is_some_and(|extension| extension == "seg")) {
        return vec![folder.to_owned()];
    }
    let folders = paths.iter().filter(|path| levels > 0 && path.is_dir());
    folders.flat_map(|path| folders_with_segments(path, levels - 1)).collect()
}
