//! Replays what Fluent Bit was asked (`fixtures/fluent-bit`) and compares what arrives at the destinations.
//!
//! Documents are compared as JSON: the order of members and how a number or a letter is escaped do not count.
//! Where Outrigger does otherwise on purpose, `golden/deviations.rs` says why, and what it does is kept in
//! `golden/deviations/` and compared too.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

#[path = "golden/case.rs"]
mod case;
#[path = "golden/compare.rs"]
mod compare;
#[path = "golden/deviations.rs"]
mod deviations;
mod support;

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use case::{Case, Replayed};
use compare::{Difference, compare};
use deviations::{DEVIATIONS, NOT_REPLAYED};

fn cases() -> Vec<PathBuf> {
    let folder = support::root().join("fixtures/fluent-bit");
    let wanted = std::env::var("GOLDEN_CASE").unwrap_or_default();
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut cases: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("fluent-bit.conf").exists() && path.to_string_lossy().contains(&wanted))
        .collect();
    cases.sort();
    cases
}

#[test]
fn what_fluent_bit_sent_is_what_arrives() {
    let cases = cases();
    let next = Mutex::new(cases.iter());
    let failures = Mutex::new(Vec::new());
    let passed = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(path) = next.lock().expect("no thread panics").next() else { break };
                    match run(path) {
                        Ok(()) => *passed.lock().expect("no thread panics") += 1,
                        Err(why) => failures.lock().expect("no thread panics").push(why),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no thread panics");
    failures.sort();
    println!(
        "{} of {} cases, {} of them with deviations",
        passed.into_inner().unwrap_or(0),
        cases.len(),
        DEVIATIONS.len()
    );
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
}

fn run(path: &std::path::Path) -> Result<(), String> {
    let case = Case::read(path);
    if let Some((_, why)) = NOT_REPLAYED.iter().find(|(name, _)| *name == case.name) {
        println!("not replayed: {}: {why}", case.name);
        return Ok(());
    }
    let replayed = case.replay();
    let mut told = String::new();
    for difference in compare(&case, &replayed) {
        judge(&case, &replayed, &difference, &mut told);
    }
    for (name, file, _) in DEVIATIONS.iter().filter(|(name, ..)| *name == case.name) {
        if !compare(&case, &replayed).iter().any(|difference| difference.file == *file) {
            told.push_str(&format!("  {file} is the same as Fluent Bit's now: take {name} off the list\n"));
        }
    }
    if told.is_empty() { Ok(()) } else { Err(format!("{}\n{told}", case.name)) }
}

/// A difference is fine when it is on the list and is still the difference that was agreed on.
fn judge(case: &Case, replayed: &Replayed, difference: &Difference, told: &mut String) {
    let listed = DEVIATIONS.iter().any(|(name, file, _)| *name == case.name && *file == difference.file);
    if !listed {
        let said = &replayed.stderr;
        told.push_str(&format!("  {}\n{}", difference.file, difference.text));
        let bad: Vec<_> =
            said.lines().filter(|line| line.contains("rror") || line.contains("panicked")).take(4).collect();
        bad.iter().for_each(|line| told.push_str(&format!("    it said: {line}\n")));
        return;
    }
    let agreed = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/deviations")
        .join(format!("{}.{}", case.name, difference.file));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(agreed.parent().expect("a file has a folder"))
            .expect("the folder can be made");
        std::fs::write(&agreed, &difference.found).expect("the file can be written");
        return;
    }
    let expected = std::fs::read_to_string(&agreed).unwrap_or_default();
    if expected != difference.found {
        told.push_str(&format!(
            "  {} is neither Fluent Bit's nor {}:\n{}",
            difference.file,
            agreed.display(),
            difference.found
        ));
    }
}

/// What Fluent Bit refuses to start with, Outrigger refuses; what it runs with, Outrigger runs with.
#[test]
fn configurations_are_refused_and_taken_alike() {
    let folder = support::root().join("fixtures/fluent-bit/config_errors");
    let Ok(results) = std::fs::read(folder.join("results.json")) else {
        eprintln!("skipped: no {}", folder.display());
        return;
    };
    let results: Vec<serde_json::Value> = serde_json::from_slice(&results).expect("results.json is JSON");
    let mut told = Vec::new();
    for result in &results {
        let name = result["name"].as_str().expect("a result has a name");
        let refused = result["exit"] != "runs";
        let mut command = support::outrigger()
            .folder(&folder.join(name))
            .args(["fluent-bit", "--dry-run", "-c", "fluent-bit.conf"])
            .env("AWS_REGION", "eu-west-1");
        let main = std::fs::read_to_string(folder.join(name).join("fluent-bit.conf")).unwrap_or_default();
        if folder.join(name).join("parsers.conf").exists() && !main.contains("parsers.conf") {
            command = command.args(["-R", "parsers.conf"]);
        }
        let exit = command.output();
        let listed = deviations::STARTS_OTHERWISE.iter().any(|(listed, _)| *listed == name);
        let same = exit.code() == Some(if refused { 64 } else { 0 });
        if same == listed {
            let about = result["about"].as_str().unwrap_or_default();
            let what = if refused { "refuses" } else { "runs with" };
            let code = exit.code().unwrap_or(-1);
            told.push(format!(
                "{name} ({about}): Fluent Bit {what} it; a dry run exits {code}\n{}",
                exit.stderr
            ));
        }
    }
    println!("{} configurations", results.len());
    assert!(told.is_empty(), "{} differ:\n{}", told.len(), told.join("\n"));
}
