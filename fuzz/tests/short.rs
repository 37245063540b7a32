//! Each target for a moment, on fixtures as they are and on damaged copies. `FUZZ_SECONDS` makes it longer;
//! `FUZZ_INPUT` names a file to try alone.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

use std::time::{Duration, Instant};

use fuzz::{TARGETS, mutate};
use testkit::corpus::Dice;

/// The seed of every run, so that a failure happens again.
const SEED: u64 = 20_260_616;

fn run(name: &str) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let (_, target, folder, endings) =
        TARGETS.iter().find(|(n, ..)| *n == name).expect("a target of this name");
    if let Some(path) = std::env::var_os("FUZZ_INPUT") {
        return target(&std::fs::read(path).expect("FUZZ_INPUT names a file"));
    }
    let seeds = mutate::seeds(folder, endings);
    assert!(!seeds.is_empty(), "no seeds in {folder}");
    let mut rounds = 0u64;
    let mut check = |data: &[u8]| {
        let panicked = std::panic::catch_unwind(|| target(data)).is_err();
        if panicked {
            let kept = std::env::temp_dir().join(format!("outrigger-fuzz-{name}"));
            let _ = std::fs::write(&kept, data);
            panic!("{name} fails in round {rounds}; try it alone with FUZZ_INPUT={}", kept.display());
        }
        rounds += 1;
    };
    seeds.iter().for_each(|seed| check(seed));
    let mut dice = Dice(SEED);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < deadline {
        check(&mutate::damaged(&seeds, &mut dice));
    }
    println!("{name}: {rounds} inputs from {} seeds", seeds.len());
}

#[test]
fn forward() {
    run("forward");
}

#[test]
fn configuration() {
    run("configuration");
}

#[test]
fn json() {
    run("json");
}

#[test]
fn text() {
    run("text");
}

#[test]
fn otlp() {
    run("otlp");
}

#[test]
fn otlp_json() {
    run("otlp_json");
}

#[test]
fn ottl() {
    run("ottl");
}

#[test]
fn filter_pattern() {
    run("filter_pattern");
}

#[test]
fn prometheus() {
    run("prometheus");
}

#[test]
fn prometheus_protobuf() {
    run("prometheus_protobuf");
}

#[test]
fn remote_write_decode() {
    run("remote_write_decode");
}
