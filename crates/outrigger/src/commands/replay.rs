//! `outrigger replay`: delivers what a lifeboat, dead letters or a queue folder hold, then removes it.
//!
//! An object in S3 is claimed first, so that several may replay one bucket. What was delivered is removed; what
//! was not stays. Only a crash between a delivery and the removal sends an object twice.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::lifeboat::Cargo;
use engine::replay::Letters;
use engine::{Ledger, Payload, Running};
use net::{Environment, Prebound};
use serde_json::json;
use telemetry::{LogSettings, log};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval_at;
use tracing::{error, warn};

use super::{CATALOG, print, run, show};
use crate::Exit;
use crate::cli::ReplayOptions;
use crate::configuration::{self, Resolved};
use crate::disk;
use crate::lifeboat::{Boat, Claim};

/// How much of a folder is in the queues at once.
const AT_ONCE: u64 = 8 << 20;
/// How often a claim is made young again.
const RENEW: Duration = Duration::from_secs(120);
/// Longest wait for what is being sent once a signal says stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

pub fn replay(options: &ReplayOptions) -> Exit {
    let environment = Environment::process();
    log::init(LogSettings::from_environment(&|name| environment.get(name).map(str::to_owned)));
    let Ok(runtime) = run::runtime(1) else { return Exit::Failed };
    runtime.block_on(async {
        let resolved =
            configuration::resolve(&options.sources.config, &[], &environment, Prebound::default()).await;
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
    /// `None` once a signal said stop.
    running: Option<Running>,
    ids: Vec<String>,
    to: Option<String>,
    interrupt: Signal,
    terminate: Signal,
    /// Sources with something left.
    left: u64,
}

/// What became of one object or folder.
struct Tally {
    destination: String,
    delivered: u64,
    left: u64,
    damaged_bytes: u64,
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
        let (interrupt, terminate) =
            (signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?);
        let running = Some(Running::start(plan, std::sync::Arc::new(Ledger::default())));
        Some(Session { running, ids, to: options.to.clone(), interrupt, terminate, left: 0 })
    }

    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown(STOP_WITHIN).await;
        }
    }

    async fn finish(mut self, done: Result<(), String>) -> Exit {
        let stopped = self.running.is_none();
        self.stop().await;
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

    /// Sends payloads and says for each whether it is settled.
    async fn send(
        &mut self,
        id: &str,
        payloads: Vec<Payload>,
        mut claim: Option<(&Boat, &mut Claim)>,
    ) -> Vec<bool> {
        let none = vec![false; payloads.len()];
        let Some(settled) = self.running.as_ref().and_then(|running| running.replay(id, payloads)) else {
            return none;
        };
        tokio::pin!(settled);
        let mut renew = interval_at(tokio::time::Instant::now() + RENEW, RENEW);
        loop {
            tokio::select! {
                settled = &mut settled => return settled,
                _ = renew.tick() => {
                    if let Some((boat, claim)) = &mut claim
                        && !matches!(boat.renew(claim).await, Ok(true))
                    {
                        warn!("the claim could not be renewed; another replay may send this, too");
                    }
                }
                _ = self.interrupt.recv() => self.stop().await,
                _ = self.terminate.recv() => self.stop().await,
            }
        }
    }

    async fn replay_bucket(&mut self, boat: &Boat) -> Result<(), String> {
        let failed = |what: &str, error: net::aws::AwsError| format!("{what}: {error}");
        let keys = boat.objects().await.map_err(|error| failed("the lifeboat cannot be listed", error))?;
        for key in keys {
            if self.running.is_none() {
                break;
            }
            let Some(mut claim) =
                boat.claim(&key).await.map_err(|error| failed("an object cannot be claimed", error))?
            else {
                warn!(key, "another replay has claimed this object");
                self.left += 1;
                continue;
            };
            let source = format!("s3://{}/{key}", boat.bucket);
            let done = self.replay_object(boat, &key, &mut claim).await;
            boat.release(claim).await.map_err(|error| failed("a claim cannot be given back", error))?;
            match done {
                Ok(Some(tally)) => self.tell(&source, &tally),
                Ok(None) => {}
                Err(problem) => {
                    error!(source, "{problem}");
                    self.left += 1;
                }
            }
        }
        Ok(())
    }

    /// `Ok(None)`: the object is gone.
    async fn replay_object(
        &mut self,
        boat: &Boat,
        key: &str,
        claim: &mut Claim,
    ) -> Result<Option<Tally>, String> {
        let Some(object) = boat.get(key).await.map_err(|error| error.to_string())? else { return Ok(None) };
        let mut unpacked = Cargo::unpack(object).map_err(|error| error.to_string())?;
        let manifest = &unpacked.manifest;
        let id = self.to.clone().unwrap_or_else(|| manifest.destination.clone());
        self.fits(&id, Some(&manifest.kind))?;
        let records: Vec<u64> = unpacked.payloads.iter().map(|payload| payload.records).collect();
        let payloads = std::mem::take(&mut unpacked.payloads);
        let settled = self.send(&id, payloads, Some((boat, claim))).await;
        let delivered = sum(&records, &settled);
        let left = records.iter().sum::<u64>() - delivered;
        if settled.iter().all(|settled| *settled) {
            boat.remove(key).await.map_err(|error| format!("delivered, but not removed: {error}"))?;
        } else if settled.contains(&true) {
            // What was delivered must not be there for the next replay.
            let rest = unpacked.without(&settled, left);
            boat.put(key, rest).await.map_err(|error| format!("delivered in part, but not cut: {error}"))?;
        }
        Ok(Some(Tally { destination: id, delivered, left, damaged_bytes: unpacked.damaged_bytes }))
    }

    /// Whether a destination exists and speaks what the bodies are written in.
    fn fits(&self, id: &str, kind: Option<&str>) -> Result<(), String> {
        let known = self.running.as_ref().and_then(|running| running.kind_of(id));
        match (known, kind) {
            (None, _) => Err(format!(
                "the configuration has no destination `{id}`; name one with --to: {}",
                self.ids.join(", ")
            )),
            (Some(known), Some(kind)) if known != kind => Err(format!(
                "`{id}` is a {known}, which cannot send what was written for a {kind}; name another with --to"
            )),
            _ => Ok(()),
        }
    }

    async fn replay_folders(&mut self, folder: &Path) -> Result<(), String> {
        let folders = folders_with_segments(folder, 2);
        if folders.is_empty() && !folder.is_dir() {
            return Err(format!("there is no folder {}", folder.display()));
        }
        for folder in folders {
            if self.running.is_none() {
                break;
            }
            match self.replay_folder(&folder).await {
                Ok(tally) => self.tell(&folder.display().to_string(), &tally),
                Err(problem) => {
                    error!(folder = %folder.display(), "{problem}");
                    self.left += 1;
                }
            }
        }
        Ok(())
    }

    async fn replay_folder(&mut self, folder: &Path) -> Result<Tally, String> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let known = self.ids.iter().find(|id| disk::folder_name(id) == name).cloned();
        let id = self.to.clone().or(known).unwrap_or(name);
        self.fits(&id, None)?;
        let mut letters = Letters::open(folder).map_err(|error| error.to_string())?;
        let damaged_bytes = letters.damage.iter().map(|damage| damage.bytes).sum();
        let mut tally = Tally { destination: id.clone(), delivered: 0, left: 0, damaged_bytes };
        loop {
            let batch = letters.take(AT_ONCE);
            if batch.is_empty() {
                return Ok(tally);
            }
            let records: Vec<u64> = batch.iter().map(|letter| letter.payload.records).collect();
            let places: Vec<_> = batch.iter().map(|letter| letter.place).collect();
            let payloads = batch.into_iter().map(|letter| letter.payload).collect();
            let settled = self.send(&id, payloads, None).await;
            let delivered = sum(&records, &settled);
            tally.delivered += delivered;
            tally.left += records.iter().sum::<u64>() - delivered;
            for (place, _) in places.into_iter().zip(&settled).filter(|(_, settled)| **settled) {
                letters.done(place).map_err(|error| format!("delivered, but not noted: {error}"))?;
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

fn sum(records: &[u64], settled: &[bool]) -> u64 {
    records.iter().zip(settled).filter(|(_, settled)| **settled).map(|(records, _)| records).sum()
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
