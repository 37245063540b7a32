//! The Forward clients people use: `fluent-logger` from PyPI and from npm, in each of their modes.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Task, settled};
use testkit::corpus::TAG;
use testkit::{need, tools};

fn run(program: &mut Command) {
    let output = program.output().expect("the client can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}{said}", String::from_utf8_lossy(&output.stdout));
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

/// Everything a client said was sent is delivered to both, once.
fn finish(task: &Task, mut running: testkit::process::Running, records: u64) {
    task.all_arrived(records, &mut running);
    let exit = running.stop();
    settled(&exit);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    assert_eq!(task.intake.distinct().duplicates(), 0);
    for entry in task.intake.entries() {
        assert_eq!(entry["from"], "client", "{entry}");
        assert_eq!(entry["nested"]["a"], 1, "{entry}");
    }
}

#[test]
fn fluent_logger_for_python() {
    let python = need!(tools::python("fluent-logger", &["fluent-logger==0.11.1"]));
    let task = Task::new();
    let running = task.start();
    let script = format!(
        "
from fluent import sender, asyncsender, event
import time
prefix, label = '{TAG}'.rsplit('-', 1)
n = 0
def record():
    global n
    n += 1
    return {{'from': 'client', 'nested': {{'a': 1}}, 'log': 'req-%010d é' % (n - 1)}}
def all_sent(s, label=None):
    for _ in range(100):
        assert s.emit(label, record()), s.last_error
    s.close()
all_sent(sender.FluentSender('{TAG}', port={port}))
all_sent(sender.FluentSender('{TAG}', port={port}, nanosecond_precision=True))
all_sent(sender.FluentSender('{TAG}', host='unix://{socket}'))
all_sent(asyncsender.FluentSender('{TAG}', port={port}, queue_maxsize=1000))
",
        port = task.generated.port,
        socket = task.generated.socket.display()
    );
    run(Command::new(python).arg("-c").arg(script));
    finish(&task, running, 400);
}

#[test]
fn fluent_logger_for_node_with_acknowledgements() {
    let folder = need!(tools::node("fluent-logger", &["fluent-logger@3.4.1"]));
    let task = Task::new();
    let running = task.start();
    let script = format!(
        "
const {{ FluentClient, EventTime, createFluentSender }} = {{...require('fluent-logger')}};
const logger = require('fluent-logger');
let n = 0;
const record = () => ({{from: 'client', nested: {{a: 1}}, log: 'req-' + String(n++).padStart(10, '0') + ' é'}});
const modes = [];
for (const eventMode of ['Message', 'PackedForward', 'CompressedPackedForward'])
  for (const requireAckResponse of [false, true])
    modes.push({{eventMode, requireAckResponse}});
modes.push({{eventMode: 'PackedForward', requireAckResponse: true, milliseconds: true}});
async function one(mode) {{
  const sender = logger.createFluentSender('{TAG}', {{host: '127.0.0.1', port: {port}, timeout: 5, ackResponseTimeout: 20000, flushInterval: 20, ...mode}});
  sender.on('error', e => {{ console.error(JSON.stringify(mode), e); process.exit(1); }});
  const sent = [];
  for (let i = 0; i < 50; i++)
    sent.push(new Promise((ok, no) => sender.emit(record(), e => e ? no(e) : ok())));
  await Promise.all(sent);
  await new Promise(done => sender.end(null, null, done));
}}
(async () => {{ for (const mode of modes) await one(mode); console.log(n + ' records'); process.exit(0); }})()
  .catch(e => {{ console.error(e); process.exit(1); }});
",
        port = task.generated.port
    );
    run(Command::new("node").arg("-e").arg(script).env("NODE_PATH", folder.join("node_modules")));
    finish(&task, running, 350);
}

/// The bytes these clients and Docker's driver sent elsewhere, where this machine can install neither.
#[test]
fn recorded_clients() {
    let folder = support::root().join("fixtures/forward");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let task = Task::new();
    let mut running = task.start();
    let mut streams: Vec<_> =
        walk(&folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "stream")).collect();
    streams.sort();
    for stream in &streams {
        let bytes = std::fs::read(stream).expect("the recording can be read");
        let mut connection = task.sender().to.connect().expect("it listens");
        std::io::Write::write_all(&mut connection, &bytes).expect("it reads all of it");
        connection.finish_writing().expect("the connection is open");
        connection.read_all(testkit::process::PATIENCE);
    }
    let ledger = running.ledger();
    support::check_law(&ledger);
    println!("{} recordings, {} records", streams.len(), ledger["intake"]["received"]);
    let refused: u64 = ledger["receivers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| r[1]["refused"].as_object().map_or(0, |m| m.len() as u64))
        .sum();
    assert_eq!(refused, 0, "{ledger:#}");
    settled(&running.stop());
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
