//! The dual-logging guide's task: its two S3 files, the generated configuration, both destinations.
//!
//! 20,000 records usually; `OUTRIGGER_RECORDS=1000000` for the full proof.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::collections::HashMap;

use serde_json::{Value, json};
use support::{CUSTOM, GROUP, Generated, PARSERS, datadog_options, destination, outrigger, settled, size};
use testkit::aws::{Logs, logs};
use testkit::certificate::Certificate;
use testkit::corpus::{Corpus, Kind, Line, Mix, TAG};
use testkit::distinct::numbers;
use testkit::ecs::{self, Metadata};
use testkit::forward::{Address, Sender};
use testkit::intake::{self, Datadog};
use testkit::need;
use testkit::process::Folder;
use testkit::tools::Moto;

/// More than this is too much for the emulator's memory; the limits are enforced by our own stand-in anyway.
const EMULATOR_TAKES: u64 = 50_000;

#[test]
fn every_record_reaches_both_destinations_once() {
    let moto = need!(Moto::start());
    moto.boto(&format!(
        "s = aws('s3'); s.create_bucket(Bucket='config', CreateBucketConfiguration={{'LocationConstraint': 'eu-west-1'}})\n\
         s.put_object(Bucket='config', Key='fluent-bit-parsers.conf', Body={PARSERS:?})\n\
         s.put_object(Bucket='config', Key='fluent-bit-custom.conf', Body={CUSTOM:?})"
    ));
    let records = size("OUTRIGGER_RECORDS", 20_000);
    let certificate = Certificate::new();
    let kept = records.min(50_000) as usize;
    let intake =
        Datadog::with(intake::Options { keep: kept, certificate: Some(&certificate), ..Default::default() });
    let emulator = (records <= EMULATOR_TAKES).then(|| moto.address());
    let logs = Logs::with(logs::Options { keep: kept, emulator, ..Default::default() });
    let (folder, metadata) = (Folder::new(), Metadata::start());
    let generated = Generated::new(&folder, datadog_options(&intake, Some(&certificate)));
    let mut running = outrigger()
        .envs(metadata.environment())
        .env("OUTRIGGER_FIRELENS_CONFIG", folder.write("fluent-bit.conf", generated.text()))
        .env("aws_fluent_bit_init_s3_1", "arn:aws:s3:::config/fluent-bit-parsers.conf")
        .env("aws_fluent_bit_init_s3_2", "arn:aws:s3:::config/fluent-bit-custom.conf")
        .env("apikey_1", intake::API_KEY)
        .env("AWS_ENDPOINT_URL_S3", moto.url())
        .env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", logs.url())
        .start();

    let corpus = Corpus::new(Mix::Everything);
    let sender = Sender::new(Address::Unix(generated.socket.clone())).connections(4);
    let sent = sender.send(&corpus, 0..records).expect("the socket takes everything");
    println!("sent {} records, {} bytes in {:?}", sent.records, sent.bytes, sent.took);
    let patience = support::patience(records);
    for (name, distinct) in [("Datadog", intake.distinct()), ("CloudWatch", logs.distinct())] {
        assert!(
            distinct.wait_for(records, patience),
            "{name}: {} of {records}, without {:?}; {:?} {:?}\n{:#}\n{}",
            distinct.distinct(),
            distinct.missing(records),
            intake.complaints(),
            logs.complaints(),
            running.ledger(),
            running.stderr()
        );
    }
    let usage = running.usage();
    let exit = running.stop();
    let ledger = settled(&exit);
    println!("cpu {:?}, peak {} MiB", usage.cpu(), usage.peak >> 20);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    for id in ["datadog.0", "cloudwatch_logs.0"] {
        assert_eq!(destination(&ledger, id)["delivered"], records, "{ledger:#}");
        assert_eq!(destination(&ledger, id)["dropped"], json!({}), "{ledger:#}");
    }
    assert_eq!((intake.distinct().distinct(), intake.distinct().duplicates()), (records, 0));
    assert_eq!((logs.distinct().distinct(), logs.distinct().duplicates()), (records, 0));
    assert_eq!(intake.complaints(), Vec::<String>::new());
    assert_eq!(logs.complaints(), Vec::<String>::new());
    assert!(!exit.stderr.contains(intake::API_KEY), "the key is in a log line");

    intake.entries().iter().for_each(|entry| check_datadog(entry, &corpus));
    logs.events().iter().for_each(|event| check_cloudwatch(event, &corpus));
    if emulator.is_some() {
        check_stored(&moto, records);
    }
}

/// The line that a delivered record must come from.
fn origin(text: &str, corpus: &Corpus) -> (u64, Line) {
    let number = numbers(text.as_bytes()).next().unwrap_or_else(|| panic!("no number in {text}"));
    (number, corpus.line(number))
}

fn check_datadog(entry: &Value, corpus: &Corpus) {
    let (number, line) = origin(&entry.to_string(), corpus);
    let mut expected = fields(&line, "message");
    expected.entry("timestamp".into()).or_insert(json!(corpus.time(number).as_millis() as u64));
    expected.insert("ddsource".into(), json!("python"));
    expected.insert("service".into(), json!("my-service"));
    expected.insert("ddtags".into(), json!("env:production"));
    same(entry, expected);
    assert_eq!(entry.get("dd.trace_id").and_then(Value::as_str), line.trace_id.as_deref());
}

fn check_cloudwatch(event: &logs::Event, corpus: &Corpus) {
    let (number, line) = origin(&event.message, corpus);
    assert_eq!((event.group.as_str(), event.stream.as_str()), (GROUP, &*format!("ecs/{TAG}")));
    assert_eq!(event.timestamp, corpus.time(number).as_millis() as i64);
    let message: Value = serde_json::from_str(&event.message).expect("the event is a record");
    same(&message, fields(&line, "log"));
}

/// What every record holds: the line's members at top level or the line itself, the driver's fields, ECS's.
fn fields(line: &Line, text_key: &str) -> HashMap<String, Value> {
    let parsed = match line.kind {
        Kind::Json | Kind::Unicode | Kind::Long => {
            serde_json::from_str(&line.text).expect("the line is JSON")
        }
        Kind::Plain | Kind::Stack => json!({ text_key: line.text }),
    };
    let Value::Object(members) = parsed else { panic!("not an object: {}", line.text) };
    let mut fields: HashMap<String, Value> = members.into_iter().collect();
    fields.insert("ecs_cluster".into(), json!(ecs::CLUSTER));
    fields.insert("ecs_task_arn".into(), json!(ecs::TASK_ARN));
    fields.insert("ecs_task_definition".into(), json!("shop-web:7"));
    fields
}

/// Equal but for the three fields of the driver, which must be there.
fn same(found: &Value, expected: HashMap<String, Value>) {
    let found = found.as_object().expect("a record is an object");
    for key in ["container_id", "container_name", "source"] {
        assert!(found.get(key).is_some_and(Value::is_string), "no {key} in {found:?}");
    }
    for (key, value) in &expected {
        assert_eq!(found.get(key), Some(value), "{key} of {found:?}");
    }
    assert_eq!(found.len(), expected.len() + 3, "{found:?}\n{expected:?}");
}

/// The emulator stored them, in the group and stream that FireLens users look for.
fn check_stored(moto: &Moto, records: u64) {
    let stored = moto.boto(&format!(
        "l = aws('logs'); n = 0\n\
         for page in l.get_paginator('filter_log_events').paginate(logGroupName={GROUP:?}, logStreamNames=['ecs/{TAG}']):\n\
         \x20   n += len(page['events'])\n\
         print(n)"
    ));
    assert_eq!(stored.trim(), records.to_string());
}
