//! Senders that are many, slow, broken or endless, and the memory they may cost.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::corpus::{Corpus, Mix};
use testkit::forward::Connection;
use testkit::process::{Outrigger, Running};
use testkit::proxy::Mode;

use crate::load::{Load, message};
use crate::rig::{Finding, Outage, Rig, SINKS, Shape, outage, tail, watched};
use crate::{Case, MIB, Settings};

/// The container of the smallest task.
const LIMIT: u64 = 64 * MIB;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("1,000 connections, slow, broken or vanishing", true, crowd),
        // A debug build alone takes most of it.
        Case::new("64 MiB, both hang, a sender at full speed", false, small_container),
        Case::new("the clock jumps by an hour, back and forth", false, clock),
    ]
}

/// A usual sender is served among a thousand that are not.
fn crowd(settings: &Settings) -> Finding {
    let rig = Rig::new(&Shape::default());
    let running = rig.command().start();
    // Numbers that the sinks would count as doubles must not be whole.
    let half = message(&Corpus::new(Mix::Json), 0, 50);
    let over = AtomicBool::new(false);
    let crowd = || {
        let mut open: Vec<Connection> = Vec::new();
        for place in 0..1_000usize {
            let mut connection = rig.socket().connect_within(Duration::from_secs(10)).expect("it listens");
            match place % 4 {
                0 => {}
                1 => connection.write_all(&half[..half.len() / 2]).expect("half a message is taken"),
                2 => {
                    connection.write_all(&half[..half.len() - 20]).expect("most of a message is taken");
                    continue;
                }
                _ => connection.write_all(&half[..1]).expect("a byte is taken"),
            }
            open.push(connection);
        }
        let mut at = 1;
        while !over.load(Ordering::Relaxed) && at < half.len() / 2 {
            for connection in open.iter_mut().skip(2).step_by(3) {
                // Whoever is turned away for being slow is turned away.
                let _ = connection.write_all(&half[at..=at]);
            }
            at += 1;
            thread::sleep(Duration::from_millis(100));
        }
    };
    let (mut finding, _, _) = thread::scope(|scope| {
        scope.spawn(crowd);
        outage(&rig, running, settings.times(), None, || {}, || over.store(true, Ordering::Relaxed))
    });
    finding.must_be_whole(0);
    finding.must_hold_memory(settings);
    finding
}

/// A control group of our own with a memory limit; gone in the end.
struct Group {
    folder: PathBuf,
    version_1: bool,
}

impl Group {
    fn new(limit: u64) -> Result<Group, String> {
        let root = PathBuf::from("/sys/fs/cgroup");
        let name = format!("outrigger-faults-{}", std::process::id());
        let version_1 = root.join("memory").is_dir();
        let (folder, file) = match version_1 {
            true => (root.join("memory").join(name), "memory.limit_in_bytes"),
            false => (root.join(name), "memory.max"),
        };
        fs::create_dir(&folder).map_err(|error| format!("no control group can be made: {error}"))?;
        let group = Group { folder, version_1 };
        fs::write(group.folder.join(file), limit.to_string())
            .map_err(|error| format!("the group takes no limit: {error}"))?;
        Ok(group)
    }

    fn command(&self) -> Outrigger {
        Outrigger::new("sh")
            .args(["-c", "echo $$ > \"$0\" && exec \"$1\""])
            .arg(self.folder.join("cgroup.procs"))
            .arg(env!("CARGO_BIN_EXE_outrigger"))
    }

    /// Times the limit was met, as far as the kernel says.
    fn failures(&self) -> String {
        let file = if self.version_1 { "memory.failcnt" } else { "memory.events" };
        fs::read_to_string(self.folder.join(file)).unwrap_or_default().trim().replace('\n', " ")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

fn small_container(settings: &Settings) -> Finding {
    let group = match Group::new(LIMIT) {
        Ok(group) => group,
        Err(why) => return Finding::skip(why),
    };
    let rig = Rig::new(&Shape { count_only: true, quota: Some("64M"), ..Shape::default() });
    let started = Instant::now();
    let mut running: Running = rig.dress(group.command()).start();
    SINKS.iter().for_each(|sink| rig.proxy(*sink).set(Mode::HalfOpen));
    let load = Load::plain(rig.socket(), None);
    let time = settings.fault.clamp(Duration::from_secs(5), Duration::from_secs(60));
    let (_, peak, _) = watched(&rig, running.id(), &load, || thread::sleep(time));
    let mut finding = Finding { peak, took: started.elapsed(), ..Finding::default() };
    let early = load.sent();
    if running.ended() {
        let exit = running.wait();
        finding
            .must(false, format!("killed: {:?} after {early} records: {}", exit.status, tail(&exit.stderr)));
        return finding;
    }
    SINKS.iter().for_each(|sink| rig.proxy(*sink).set(Mode::Pass));
    let sent = load.finish();
    rig.wait_for(sent);
    finding.peak = finding.peak.max(running.usage().peak);
    finding.notes.push(format!("{early} records before it was mended; limit met: {}", group.failures()));
    let exit = running.stop();
    finding.took = started.elapsed();
    finding.must_end(&exit, 0);
    rig.count(&mut finding, sent);
    finding.must_be_whole(0);
    finding.must(finding.peak < LIMIT, format!("{} MiB at most", finding.peak / MIB));
    finding
}

/// With Debian's libfaketime, whose offset is read from a file that changes.
fn clock(settings: &Settings) -> Finding {
    if let Err(missing) = testkit::tools::debian("faketime", "faketime") {
        return Finding::skip(format!("{missing:?}"));
    }
    let libraries = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime"];
    let library = libraries.iter().map(|folder| PathBuf::from(folder).join("libfaketime.so.1"));
    let Some(library) = library.into_iter().find(|file| file.exists()) else {
        return Finding::skip("libfaketime is not where Debian puts it");
    };
    let rig = Rig::new(&Shape::default());
    let offset = rig.folder.write("offset", "+0");
    let command = rig
        .command()
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    let running = command.start();
    let times = Outage { fault: settings.fault / 2, ..settings.times() };
    let jump = |to: &str| fs::write(&offset, to).expect("a scratch file can be written");
    let spoil = || {
        jump("+1h");
        rig.intake.faults().set(testkit::fault::Fault::Status(503));
    };
    let mend = || {
        jump("-1h");
        rig.intake.faults().lift();
    };
    let (mut finding, _, _) = outage(&rig, running, times, None, spoil, mend);
    finding.must_be_whole(0);
    finding
}
