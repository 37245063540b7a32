//! The lifeboat against S3 emulated, and replay from there and from disk: nothing lost, nothing doubled.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use serde_json::Value;
use support::{Task, destination, settled};
use testkit::corpus::{Corpus, Mix};
use testkit::fault::Fault;
use testkit::process::{Exit, Outrigger, PATIENCE, Running, wait_until};
use testkit::tools::Moto;

const RECORDS: u64 = 2_000;

/// A task whose destinations are both down.
fn stranded() -> Task {
    let task = Task::new();
    task.intake.faults().set(Fault::Status(503));
    task.logs.faults().set(Fault::Status(503));
    task
}

fn fill(task: &Task, running: &mut Running) {
    task.sender().send(&Corpus::new(Mix::Everything), 0..RECORDS).expect("the socket takes everything");
    let all = wait_until(PATIENCE, || running.ledger()["intake"]["routed"] == RECORDS);
    assert!(all, "{:#}", running.ledger());
}

fn mend(task: &Task) {
    task.intake.faults().lift();
    task.logs.faults().lift();
}

fn all_arrived_once(task: &Task) {
    for (name, distinct) in [("Datadog", task.intake.distinct()), ("CloudWatch", task.logs.distinct())] {
        assert_eq!((distinct.distinct(), distinct.duplicates()), (RECORDS, 0), "{name}");
    }
}

/// What `replay` said of each object or folder.
fn said(exit: &Exit) -> Vec<Value> {
    let lines = exit.stdout_text();
    lines.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn delivered(exit: &Exit) -> u64 {
    said(exit).iter().map(|line| line["delivered"].as_u64().expect("a number")).sum()
}

#[test]
fn what_no_destination_took_is_in_the_lifeboat_and_replay_delivers_it_once() {
    let moto = testkit::need!(Moto::start());
    moto.boto(
        "aws('s3').create_bucket(Bucket='boats', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})",
    );
    let task = stranded();
    let command = || -> Outrigger {
        task.command().folder(task.folder.path()).env("AWS_ENDPOINT_URL_S3", moto.url()).aws_keys()
    };
    let mut running =
        command().args(["run", "--lifeboat", "s3://boats/tasks", "--shutdown-timeout", "10s"]).start();
    fill(&task, &mut running);
    let exit = running.stop();
    let ledger = settled(&exit);
    assert_eq!(exit.code(), Some(75), "{}", exit.stderr);
    assert_eq!((&ledger["lost"], &ledger["on_disk"]), (&0.into(), &0.into()), "{}", exit.stderr);
    for id in ["datadog.0", "cloudwatch_logs.0"] {
        assert_eq!(destination(&ledger, id)["saved"], RECORDS, "{ledger:#}");
    }
    mend(&task);
    let keys = moto.boto("print([o['Key'] for o in aws('s3').list_objects_v2(Bucket='boats')['Contents']])");
    assert!(keys.contains("tasks/datadog_logs/datadog.0/") && keys.contains(".boat"), "{keys}");

    // What another replay holds is left alone, until its claim is old.
    let replay = || command().args(["replay", "s3://boats/tasks"]).output();
    let claims = |time: &str| {
        moto.boto(&format!(
            "import time\ns3 = aws('s3')\nfor o in s3.list_objects_v2(Bucket='boats')['Contents']:\n  \
             if o['Key'].endswith('.boat'): s3.put_object(Bucket='boats', Key=o['Key'] + '.claim', \
             Body=json.dumps({{'time_ms': {time}}}))"
        ))
    };
    claims("int(time.time() * 1000)");
    let exit = replay();
    assert_eq!((exit.code(), delivered(&exit)), (Some(75), 0), "{}", exit.stderr);
    claims("1");
    let exit = replay();
    assert_eq!((exit.code(), delivered(&exit)), (Some(0), 2 * RECORDS), "{}", exit.stderr);
    all_arrived_once(&task);
    let left = moto.boto("print(aws('s3').list_objects_v2(Bucket='boats')['KeyCount'])");
    assert_eq!(left.trim(), "0");
    let exit = replay();
    assert_eq!((exit.code(), said(&exit).len()), (Some(0), 0), "{}", exit.stderr);
}

#[test]
fn replay_delivers_what_lies_on_disk_and_leaves_what_is_refused() {
    let task = stranded();
    let command = || task.command().folder(task.folder.path()).env("OUTRIGGER_DATA", "outrigger-data");
    let mut running = command().args(["run", "--shutdown-timeout", "3s"]).start();
    fill(&task, &mut running);
    let exit = running.stop();
    let ledger = settled(&exit);
    assert_eq!((exit.code(), &ledger["on_disk"]), (Some(75), &(2 * RECORDS).into()), "{}", exit.stderr);
    mend(&task);
    let exit = command().args(["replay", "outrigger-data", "--to", "nowhere"]).output();
    assert_eq!((exit.code(), delivered(&exit)), (Some(75), 0), "{}", exit.stderr);
    assert!(exit.stderr.contains("no destination `nowhere`"), "{}", exit.stderr);
    let exit = command().args(["replay", "outrigger-data"]).output();
    assert_eq!((exit.code(), delivered(&exit)), (Some(0), 2 * RECORDS), "{}", exit.stderr);
    all_arrived_once(&task);
    let exit = command().args(["replay", "outrigger-data"]).output();
    assert_eq!((exit.code(), delivered(&exit)), (Some(0), 0), "{}", exit.stderr);
}
