//! How soon senders can connect, and that what they send before anything else is ready is kept.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::time::Duration;

use support::{PARSERS, Task};
use testkit::corpus::{Corpus, Mix};
use testkit::ecs::Metadata;
use testkit::fault::Fault;
use testkit::process::wait_until;

#[test]
fn the_socket_accepts_within_milliseconds() {
    let mut times: Vec<Duration> = (0..10)
        .map(|_| {
            let task = Task::new();
            let running = task.command().spawn();
            let connected = task.sender().to.connect_within(testkit::process::PATIENCE);
            let took = running.started.elapsed();
            connected.unwrap_or_else(|e| panic!("{e}: {}", running.stderr()));
            took
        })
        .collect();
    times.sort();
    println!(
        "socket accepts after {:?} (median), {:?} (worst of 10); aim 5 ms, limit 20 ms",
        times[5], times[9]
    );
    // Not a timing test: only that it does not wait for metadata, S3 or the configuration.
    assert!(times[0] < Duration::from_secs(1));
}

/// Metadata that answers late must not close the ears.
#[test]
fn what_arrives_before_the_configuration_is_kept() {
    let mut task = Task::new();
    task.metadata = Metadata::start();
    task.metadata.faults().set(Fault::Hang);
    let mut running = task.command().spawn();
    task.sender().send(&Corpus::new(Mix::Json), 0..50).expect("the kernel holds it");
    assert_eq!(task.intake.distinct().distinct(), 0);
    task.metadata.faults().lift();
    task.all_arrived(50, &mut running);
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn a_changed_file_is_taken_and_a_broken_one_is_refused() {
    let task = Task::new();
    let mut running = task.command().args(["run", "--reload", "200ms"]).start();
    let corpus = Corpus::new(Mix::Json);
    let custom = task.folder.join("custom.conf");
    let text = std::fs::read_to_string(&custom).expect("the file is there");

    std::fs::write(&custom, text.replace("/ecs/my-service", "/ecs/renamed"))
        .expect("the file can be written");
    let mut number = 0;
    let taken = wait_until(testkit::process::PATIENCE, || {
        task.sender().send(&corpus, number..number + 1).expect("it never stops listening");
        number += 1;
        std::thread::sleep(Duration::from_millis(200));
        task.logs.streams().contains_key("/ecs/renamed")
    });
    assert!(taken, "{}", running.stderr());

    std::fs::write(&custom, text.replace("cloudwatch_logs", "cloudwotch_logs"))
        .expect("the file can be written");
    assert!(wait_until(testkit::process::PATIENCE, || running.stderr().contains("cloudwotch_logs")));
    task.sender().send(&corpus, number..number + 10).expect("it never stops listening");
    task.all_arrived(number + 10, &mut running);
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn files_that_cannot_be_had_leave_the_generated_configuration() {
    let task = Task::new();
    let mut running = task
        .command()
        .env("aws_fluent_bit_init_s3_3", "arn:aws:s3:::no-such-bucket/x.conf")
        .env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        .spawn();
    task.sender().send(&Corpus::new(Mix::Json), 0..10).expect("it listens");
    assert!(task.intake.distinct().wait_for(10, testkit::process::PATIENCE), "{}", running.stderr());
    assert!(running.stderr().contains("no-such-bucket"), "{}", running.stderr());
    running.ready();
    assert_eq!(running.stop().code(), Some(0));
    assert!(PARSERS.contains("json"));
}
