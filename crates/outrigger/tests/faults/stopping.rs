//! SIGTERM: under load, and with destinations that are down.

use std::thread;
use std::time::{Duration, Instant};

use testkit::fault::Fault;
use testkit::proxy::Mode;
use testkit::tools::Moto;

use crate::load::Load;
use crate::rig::{Finding, PAYLOAD, RATE, Rig, SINKS, Shape, Sink, watched};
use crate::{Case, Settings};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("SIGTERM under load", true, under_load),
        Case::new("SIGTERM with both down, then a new start", true, with_both_down),
        Case::new("SIGTERM with both down, lifeboat, replay", true, with_lifeboat),
    ]
}

/// ECS stops the app before its log router: it goes on writing for a little while.
fn under_load(settings: &Settings) -> Finding {
    let (rig, started) = (Rig::new(&Shape::default()), Instant::now());
    let running = rig.command().start();
    let load = Load::plain(rig.socket(), Some(RATE * 2));
    let (_, peak, _) = watched(&rig, running.id(), &load, || {
        thread::sleep(settings.times().before * 2);
        running.signal("TERM");
        thread::sleep(Duration::from_millis(500));
    });
    let sent = load.finish();
    let exit = running.wait();
    let mut finding = Finding { peak, took: started.elapsed(), ..Finding::default() };
    rig.count(&mut finding, sent);
    finding.must_be_whole(0);
    finding.must_end(&exit, 0);
    finding
}

/// What no destination took waits on disk, and the next process sends it.
fn with_both_down(settings: &Settings) -> Finding {
    let (rig, started) = (Rig::new(&Shape::default()), Instant::now());
    let running = rig.command().args(["run", "--shutdown-timeout", "3s"]).start();
    rig.faults(Sink::Datadog).set(Fault::Status(503));
    rig.proxy(Sink::CloudWatch).set(Mode::BlackHole);
    let load = Load::plain(rig.socket(), Some(RATE));
    let (_, peak, _) = watched(&rig, running.id(), &load, || thread::sleep(settings.fault));
    let sent = load.finish();
    let exit = running.stop();
    let mut finding = Finding { peak, ..Finding::default() };
    let ledger = finding.must_end(&exit, 75);
    finding.must(ledger["lost"] == 0, format!("{} lost at the end", ledger["lost"]));
    finding.must(ledger["on_disk"].as_u64() > Some(0), format!("{} on disk", ledger["on_disk"]));

    rig.faults(Sink::Datadog).lift();
    rig.proxy(Sink::CloudWatch).set(Mode::Pass);
    let next = rig.command().start();
    rig.wait_for(sent);
    finding.peak = finding.peak.max(next.usage().peak);
    let exit = next.stop();
    finding.must_end(&exit, 0);
    finding.took = started.elapsed();
    rig.count(&mut finding, sent);
    finding.must_be_whole(PAYLOAD);
    finding
}

/// The disk dies with the task: what no destination took is in S3, and replay delivers it.
fn with_lifeboat(settings: &Settings) -> Finding {
    let moto = match Moto::start() {
        Ok(moto) => moto,
        Err(missing) => return Finding::skip(missing.to_string()),
    };
    moto.boto(
        "aws('s3').create_bucket(Bucket='boats', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})",
    );
    let (rig, started) = (Rig::new(&Shape::default()), Instant::now());
    let command = || rig.command().env("AWS_ENDPOINT_URL_S3", moto.url());
    let running = command().args(["run", "--lifeboat", "s3://boats/tasks"]).start();
    SINKS.iter().for_each(|sink| rig.faults(*sink).set(Fault::Status(503)));
    let load = Load::plain(rig.socket(), Some(RATE));
    let (_, peak, _) = watched(&rig, running.id(), &load, || thread::sleep(settings.fault));
    let sent = load.finish();
    let exit = running.stop();
    let mut finding = Finding { peak, ..Finding::default() };
    let ledger = finding.must_end(&exit, 75);
    let left = (&ledger["lost"], &ledger["on_disk"]);
    finding.must(*left.0 == 0 && *left.1 == 0, format!("lost and on disk: {left:?}"));

    SINKS.iter().for_each(|sink| rig.faults(*sink).lift());
    let replayed = command().args(["replay", "s3://boats/tasks"]).output();
    finding.must(replayed.code() == Some(0), format!("replay: {}", replayed.stderr));
    finding.took = started.elapsed();
    rig.count(&mut finding, sent);
    finding.must_be_whole(0);
    finding
}
