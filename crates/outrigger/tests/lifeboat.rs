//! The lifeboat against S3 emulated, and replay from there and from disk: nothing lost, nothing doubled.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use serde_json::Value;
use support::{Task, destination, settled};
use testkit::corpus::{Corpus, Mix};
use testkit::fault::Fault;
use testkit::http::{self, Response, Server};
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

const BUCKET: &str =
    "aws('s3').create_bucket(Bucket='boats', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})";

/// Runs until everything is in the lifeboat.
fn strand(task: &Task, command: &dyn Fn() -> Outrigger) {
    let mut running =
        command().args(["run", "--lifeboat", "s3://boats/tasks", "--shutdown-timeout", "10s"]).start();
    fill(task, &mut running);
    let exit = running.stop();
    let ledger = settled(&exit);
    for id in ["datadog.0", "cloudwatch_logs.0"] {
        assert_eq!(destination(&ledger, id)["saved"], RECORDS, "{ledger:#}");
    }
}

fn objects(moto: &Moto) -> String {
    let listed = moto.boto("print(aws('s3').list_objects_v2(Bucket='boats')['KeyCount'])");
    listed.trim().to_owned()
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

#[test]
fn a_replay_that_loses_its_claim_stops_sending() {
    let moto = testkit::need!(Moto::start());
    moto.boto(BUCKET);
    let task = stranded();
    let command = || -> Outrigger {
        task.command().folder(task.folder.path()).env("AWS_ENDPOINT_URL_S3", moto.url()).aws_keys()
    };
    strand(&task, &command);
    let mut replaying = command().args(["replay", "s3://boats/tasks", "--claim", "5s"]).spawn();
    // Every claim it makes becomes another's, until it has given up both objects.
    let steal = "for o in aws('s3').list_objects_v2(Bucket='boats')['Contents']:\n  \
         if o['Key'].endswith('.claim'): aws('s3').put_object(Bucket='boats', Key=o['Key'], \
         Body=json.dumps({'owner': 'another', 'time_ms': 9999999999999}))";
    let ended = wait_until(PATIENCE, || {
        moto.boto(steal);
        replaying.ended()
    });
    assert!(ended, "it goes on without its claims");
    let exit = replaying.wait();
    assert_eq!(exit.code(), Some(75), "{}", exit.stderr);
    assert!(exit.stderr.contains("another replay has taken the object over"), "{}", exit.stderr);
    mend(&task);
    let kept = moto.boto(
        "for o in aws('s3').list_objects_v2(Bucket='boats')['Contents']:\n  \
         if o['Key'].endswith('.claim'): print(aws('s3').get_object(Bucket='boats', Key=o['Key'])['Body'].read())",
    );
    assert_eq!(kept.matches("another").count(), 2, "the claims of others stay: {kept}");
    let exit = command().args(["replay", "s3://boats/tasks"]).output();
    assert_eq!((exit.code(), delivered(&exit)), (Some(75), 0), "{}", exit.stderr);
    assert_eq!((task.intake.distinct().distinct(), task.logs.distinct().distinct()), (0, 0));
}

#[test]
fn what_was_delivered_and_could_not_be_removed_is_not_sent_again() {
    let moto = testkit::need!(Moto::start());
    moto.boto(BUCKET);
    let task = stranded();
    let address = moto.address();
    // A store that deletes nothing.
    let keeping = Server::start(move |request| {
        if request.method == "DELETE" && request.path.ends_with(".boat") {
            return Response::new(403, "<Error><Code>AccessDenied</Code></Error>");
        }
        let path = match request.query.is_empty() {
            true => request.path.clone(),
            false => format!("{}?{}", request.path, request.query),
        };
        http::send(address, &http::Request { path, query: String::new(), ..request }).expect("moto answers")
    });
    let command = |store: &str| -> Outrigger {
        task.command().folder(task.folder.path()).env("AWS_ENDPOINT_URL_S3", store).aws_keys()
    };
    strand(&task, &|| command(&moto.url()));
    mend(&task);
    for _ in 0..2 {
        let exit = command(&keeping.url()).args(["replay", "s3://boats/tasks"]).output();
        assert_eq!(exit.code(), Some(75), "{}", exit.stderr);
        assert!(exit.stderr.contains("delivered and noted in the claim, but not removed"), "{}", exit.stderr);
        all_arrived_once(&task);
    }
    let exit = command(&moto.url()).args(["replay", "s3://boats/tasks"]).output();
    assert_eq!((exit.code(), delivered(&exit)), (Some(0), 0), "{}", exit.stderr);
    all_arrived_once(&task);
    assert_eq!(objects(&moto), "0");
}

#[test]
fn a_running_instance_delivers_what_others_left_in_a_lifeboat() {
    let moto = testkit::need!(Moto::start());
    moto.boto(BUCKET);
    let task = stranded();
    let command = || -> Outrigger {
        task.command().folder(task.folder.path()).env("AWS_ENDPOINT_URL_S3", moto.url()).aws_keys()
    };
    strand(&task, &command);
    mend(&task);
    let running = command().args(["run", "--lifeboat-source", "s3://boats/tasks"]).start();
    let empty = wait_until(PATIENCE, || objects(&moto) == "0");
    let exit = running.stop();
    assert!(empty, "{}", exit.stderr);
    all_arrived_once(&task);
    let ledger = settled(&exit);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    assert_eq!(destination(&ledger, "datadog.0")["recovered"], RECORDS, "{ledger:#}");
}

#[test]
fn a_lifeboat_that_cannot_be_written_is_reported_at_the_start() {
    let moto = testkit::need!(Moto::start());
    moto.boto(BUCKET);
    let task = Task::new();
    let said = |place: &str| {
        let command =
            task.command().folder(task.folder.path()).env("AWS_ENDPOINT_URL_S3", moto.url()).aws_keys();
        let mut running = command.args(["run", "--lifeboat", place]).start();
        running.ready();
        let reported = || running.stderr().contains("the lifeboat cannot be written");
        // One that can be written leaves nothing behind.
        wait_until(std::time::Duration::from_secs(if place.contains("absent") { 60 } else { 2 }), reported);
        let exit = running.stop();
        assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
        exit.stderr
    };
    let absent = said("s3://absent/tasks");
    assert!(absent.contains("the lifeboat cannot be written") && absent.contains("NoSuchBucket"), "{absent}");
    let there = said("s3://boats/tasks");
    assert!(!there.contains("cannot be written"), "{there}");
    assert_eq!(objects(&moto), "0");
}

#[test]
fn what_a_destination_refuses_for_ever_is_kept_with_its_answer_and_replay_delivers_it() {
    let task = Task::new();
    task.intake.faults().set(Fault::Status(400));
    let command = || task.command().folder(task.folder.path()).env("OUTRIGGER_DATA", "outrigger-data");
    let mut running = command().args(["run"]).start();
    fill(&task, &mut running);
    let refused = wait_until(PATIENCE, || {
        destination(&running.ledger(), "datadog.0")["dropped"]["rejected"] == RECORDS
    });
    assert!(refused, "{:#}", running.ledger());
    let exit = running.stop();
    let ledger = settled(&exit);
    assert_eq!(destination(&ledger, "datadog.0")["dead_lettered"], RECORDS, "{ledger:#}");
    let folder = task.folder.path().join("outrigger-data/dead/datadog.0");
    let letters = std::fs::read(folder.join("00000001.seg")).expect("there are letters");
    let letters = String::from_utf8_lossy(&letters).into_owned();
    assert!(letters.contains("rejected: ") && letters.contains("400"), "no reason and answer");
    mend(&task);
    let exit = command().args(["replay", "outrigger-data/dead"]).output();
    assert_eq!((exit.code(), delivered(&exit)), (Some(0), RECORDS), "{}", exit.stderr);
    all_arrived_once(&task);
    let exit = command().args(["replay", "outrigger-data/dead"]).output();
    assert_eq!((exit.code(), delivered(&exit)), (Some(0), 0), "{}", exit.stderr);
}
