//! Files as applications and logrotate treat them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use config::Setting;
use engine::testing::{Catch, json_lines, receiver, stop};
use tempfile::TempDir;
use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;

use super::*;

struct Running {
    catch: Catch,
    phase: Sender<Phase>,
    task: JoinHandle<Result<(), Fault>>,
}

fn settings(folder: &TempDir) -> Setting {
    let pattern = folder.path().join("*.log");
    Setting::map()
        .with("path", Setting::list([pattern.to_str().unwrap()]))
        .with("tag", "t")
        .with("read_from_head", true)
        .with("refresh_interval", "20ms")
        .with("rotate_wait", "50ms")
}

fn start(settings: Setting) -> Running {
    let tail = receiver::<Tail>(settings).unwrap();
    let (catch, (phase, stop)) = (Catch::default(), stop());
    let task = tokio::spawn(tail.run(catch.outlet(), stop));
    Running { catch, phase, task }
}

impl Running {
    async fn lines(&self, records: usize) -> String {
        json_lines(&self.catch.records(records).await).replace("t {\"log\":", "").replace('}', "")
    }

    async fn stop(self) -> String {
        self.phase.send_replace(Phase::Draining);
        self.task.await.unwrap().unwrap();
        json_lines(&self.catch.take()).replace("t {\"log\":", "").replace('}', "")
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn lines_come_as_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.log");
    append(&file, "one\r\ntwo\n\nbeg");
    let running = start(settings(&folder));
    assert_eq!(running.lines(3).await, "\"one\"\n\"two\"\n\"\"\n");
    append(&file, "un\nthree\n");
    assert_eq!(running.lines(2).await, "\"begun\"\n\"three\"\n");
    append(&folder.path().join("b.log"), "new file\n");
    assert_eq!(running.lines(1).await, "\"new file\"\n");
    append(&file, "no end");
    assert_eq!(running.stop().await, "\"no end\"\n", "nothing is left behind without a state file");
}

#[tokio::test]
async fn files_are_followed_through_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.log");
    append(&file, "one\n");
    let running = start(settings(&folder));
    assert_eq!(running.lines(1).await, "\"one\"\n");
    let mut old = OpenOptions::new().append(true).open(&file).unwrap();
    fs::rename(&file, folder.path().join("a.log.1")).unwrap();
    append(&file, "first of the new\n");
    assert_eq!(running.lines(1).await, "\"first of the new\"\n");
    old.write_all(b"last of the old").unwrap();
    assert_eq!(running.lines(1).await, "\"last of the old\"\n", "read to its end, line end or not");
    OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
    // As long as before, a truncated file looks as if nothing had happened.
    append(&file, "short\n");
    assert_eq!(running.lines(1).await, "\"short\"\n");
    running.stop().await;
}

#[tokio::test]
async fn reading_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.log");
    let state = folder.path().join("state.json");
    let with_state = || settings(&folder).with("state_file", state.to_str().unwrap());
    append(&file, "one\ntwo\nhalf");
    let running = start(with_state());
    running.lines(2).await;
    assert_eq!(running.stop().await, "", "the begun line waits for its end");
    append(&file, " done\n");
    // Renamed in between: the file is known by more than its name.
    fs::rename(&file, folder.path().join("b.log")).unwrap();
    let running = start(with_state());
    assert_eq!(running.lines(1).await, "\"half done\"\n");
    running.stop().await;
}

#[tokio::test]
async fn what_was_there_before_is_passed_over_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    append(&folder.path().join("a.log"), "old\n");
    append(&folder.path().join("x.log"), "excluded\n");
    let settings = settings(&folder)
        .with("read_from_head", false)
        .with("exclude_path", Setting::list(["*/x.log"]))
        .with("path_key", "file")
        .with("offset_key", "at");
    let running = start(settings);
    // The second file shows that the first look has been.
    let later = folder.path().join("b.log");
    for n in 0.. {
        append(&later, &format!("{n}\n"));
        tokio::time::sleep(Duration::from_millis(20)).await;
        if !running.catch.take().is_empty() {
            break;
        }
    }
    append(&folder.path().join("a.log"), "new\n");
    let text = json_lines(&running.catch.records(1).await);
    assert!(text.ends_with("a.log\",\"at\":4,\"log\":\"new\"}\n"), "{text}");
    running.stop().await;
}

#[tokio::test]
async fn long_lines_are_cut_or_skipped() {
    for (skip, expected) in
        [(false, "\"a\"\n\"xxxxxxxx\"\n\"xxxxxxxx\"\n\"xxxx\"\n\"b\"\n"), (true, "\"a\"\n\"b\"\n")]
    {
        let folder = tempfile::tempdir().unwrap();
        append(&folder.path().join("a.log"), &format!("a\n{}\nb\n", "x".repeat(20)));
        let settings = settings(&folder).with("max_line_bytes", 8).with("skip_long_lines", skip);
        let running = start(settings.with("exit_on_eof", true));
        let lines = running.lines(expected.lines().count()).await;
        assert_eq!(lines, expected);
        let refused: u64 =
            running.catch.ledger().receivers.iter().flat_map(|(_, counts)| counts.refused.values()).sum();
        assert_eq!(refused, u64::from(skip));
        running.task.await.unwrap().unwrap();
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let map = || Setting::map().with("tag", "t");
    let path = || Setting::list(["/x"]);
    for (settings, expected) in [
        (map(), "path"),
        (map().with("path", Setting::list([""; 0])), "no files"),
        (map().with("path", path()).with("max_line_bytes", 0), "no line fits"),
    ] {
        let error = receiver::<Tail>(settings).err().unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn what_is_known_of_the_file_may_be_attributes() {
    let folder = tempfile::tempdir().unwrap();
    append(&folder.path().join("a.log"), "one\n");
    let settings = settings(&folder)
        .with("use_attributes", true)
        .with("name_key", "log.file.name")
        .with("offset_key", "log.file.record_offset");
    let running = start(settings);
    let batch = running.catch.records(1).await.remove(0);
    let mut json = Vec::new();
    model::json::write_value(&batch.arena, model::Value::Map(batch.logs[0].attributes), &mut json);
    let expected = r#"{"log.file.name":"a.log","log.file.record_offset":0}"#;
    assert_eq!(String::from_utf8(json).unwrap(), expected);
    assert_eq!(json_lines(&[batch]), "t {\"log\":\"one\"}\n");
    running.stop().await;
}
