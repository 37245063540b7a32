//! A disk that is full, forbidden or damaged: the program runs on, says so, and loses no more than was destroyed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use testkit::fault::Fault;

use crate::load::Load;
use crate::rig::{Finding, PAYLOAD, RATE, Rig, SINKS, Shape, watched};
use crate::{Case, Settings};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("disk full", true, |settings| limited(settings, "100M", Some("size=1m"))),
        Case::new("disk quota used up", false, |settings| limited(settings, "1M", None)),
        Case::new("read-only directory", true, |settings| limited(settings, "100M", Some("ro"))),
        Case::new("torn last frame", false, |settings| damaged(settings, false)),
        Case::new("flipped bit in the middle", true, |settings| damaged(settings, true)),
    ]
}

/// A file system of its own, unmounted in the end.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path, options: &str) -> Option<Mount> {
        fs::create_dir_all(at).ok()?;
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output();
        done.is_ok_and(|output| output.status.success()).then(|| Mount(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Both destinations are down while senders wait for what they sent to be on a disk that cannot take it all.
fn limited(settings: &Settings, quota: &str, mount: Option<&str>) -> Finding {
    let rig = Rig::new(&Shape { ack: Some("durable"), quota: Some(quota), ..Shape::default() });
    let mounted = mount.map(|options| Mount::new(&rig.data, options));
    if matches!(mounted, Some(None)) {
        return Finding::skip("a file system of its own needs the right to mount");
    }
    let started = Instant::now();
    let running = rig.command().start();
    SINKS.iter().for_each(|sink| rig.faults(*sink).set(Fault::Status(503)));
    let load = Load::acknowledged(&rig.socket(), 32, 200);
    let (_, peak, _) = watched(&rig, running.id(), &load, || thread::sleep(settings.fault));
    let early = load.sent();
    SINKS.iter().for_each(|sink| rig.faults(*sink).lift());
    let acknowledged = load.finish();
    rig.wait_for(acknowledged);
    let exit = running.stop();
    let mut finding = Finding { peak, took: started.elapsed(), ..Finding::default() };
    rig.count(&mut finding, acknowledged);
    finding.notes.push(format!("{early} acknowledged while both were down, {acknowledged} in all"));
    finding.must(acknowledged > 0, "nothing was acknowledged");
    finding.must_end(&exit, 0);
    finding.must_be_whole(0);
    finding.must_say(&exit.stderr, "disk queue");
    finding
}

/// Damage between two starts costs the payload it hit.
fn damaged(settings: &Settings, flip: bool) -> Finding {
    let (rig, started) = (Rig::new(&Shape::default()), Instant::now());
    let running = rig.command().args(["run", "--shutdown-timeout", "2s"]).start();
    SINKS.iter().for_each(|sink| rig.faults(*sink).set(Fault::Status(503)));
    let load = Load::plain(rig.socket(), Some(RATE));
    let (_, peak, _) = watched(&rig, running.id(), &load, || thread::sleep(settings.fault));
    let sent = load.finish();
    let exit = running.stop();
    let mut finding = Finding { peak, ..Finding::default() };
    finding.must_end(&exit, 75);
    let spoilt = segments(&rig.data.join("queues"));
    finding.must(spoilt.len() >= 2, format!("segments: {spoilt:?}"));
    spoilt.iter().for_each(|file| spoil(file, flip));

    SINKS.iter().for_each(|sink| rig.faults(*sink).lift());
    let next = rig.command().start();
    let settled = testkit::process::wait_until(crate::rig::PATIENCE, || {
        SINKS.iter().all(|sink| rig.distinct(*sink).distinct() + PAYLOAD >= sent)
    });
    finding.must(settled, "more than one payload is missing");
    let exit = next.stop();
    finding.must_end(&exit, 0);
    finding.took = started.elapsed();
    rig.count(&mut finding, sent);
    // What was destroyed is lost, and nothing else.
    finding.must(finding.lost <= PAYLOAD, format!("{} records lost", finding.lost));
    finding.must(finding.duplicated == 0, format!("{} duplicates", finding.duplicated));
    // A torn frame is what every crash may leave, and nothing says yet that one was cut off.
    if flip {
        finding.must_say(&exit.stderr, "disk queue is damaged here");
    }
    finding
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries =
        |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files =
        entries(folder).collect::<Vec<_>>().into_iter().flat_map(|queue| entries(&queue).collect::<Vec<_>>());
    files.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect()
}

fn spoil(file: &Path, flip: bool) {
    let mut bytes = fs::read(file).expect("a segment can be read");
    if flip {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    } else {
        bytes.truncate(bytes.len() - 7);
    }
    fs::write(file, bytes).expect("a segment can be written");
}
