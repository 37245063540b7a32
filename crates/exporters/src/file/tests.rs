//! What `file` sends, case by case.

use config::Setting;
use engine::testing::{batch, exporter};
use engine::{Encoder as _, Exporter as _, Surroundings};
use tempfile::TempDir;

use super::*;

fn built(settings: Setting) -> FileExporter {
    exporter(settings, &Surroundings::for_tests()).unwrap()
}

fn encoded(file: &FileExporter, batches: &[Batch]) -> Sealed {
    let (mut encoder, mut out) = (file.encoder(), Sealed::default());
    batches.iter().for_each(|batch| encoder.encode(batch, &mut out));
    encoder.seal(&mut out);
    let records: u64 = out.payloads().iter().map(|payload| payload.records).sum();
    assert_eq!(records, batches.iter().map(Batch::len).sum::<usize>() as u64);
    out
}

async fn write(settings: Setting, batches: &[Batch]) {
    let file = built(settings);
    for payload in encoded(&file, batches).payloads() {
        assert_eq!(file.send(payload).await, Outcome::Sent);
    }
}

fn in_folder(folder: &TempDir) -> Setting {
    Setting::map().with("path", folder.path().to_str().unwrap())
}

async fn check(settings: impl FnOnce(Setting) -> Setting, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(in_folder(&folder).with("file", "out"));
    let records = [r#"{"log":"é \"x\"","n":1.5,"o":{"a":[1,null]}}"#, r#"{"m":"b","m":"c"}"#];
    write(settings, &[batch("a.b", &records)]).await;
    assert_eq!(fs::read_to_string(folder.path().join("out")).unwrap(), expected);
}

#[tokio::test]
async fn every_format() {
    check(
        |settings| settings,
        "a.b: [1.000000000, {\"log\":\"é \\\"x\\\"\",\"n\":1.5,\"o\":{\"a\":[1,null]}}]\n\
         a.b: [1.001000000, {\"m\":\"c\"}]\n",
    )
    .await;
    check(
        |settings| settings.with("format", "plain"),
        "{\"log\":\"é \\\"x\\\"\",\"n\":1.5,\"o\":{\"a\":[1,null]}}\n{\"m\":\"c\"}\n",
    )
    .await;
    check(
        |settings| settings.with("format", "csv").with("csv_column_names", true).with("delimiter", ";"),
        "timestamp;\"log\";\"n\";\"o\"\n1.000000000;\"é \"x\"\";1.500000;{\"a\"=>[1, nil]}\n\
         timestamp;\"m\";\"m\"\n1.001000000;\"b\";\"c\"\n",
    )
    .await;
    check(
        |settings| settings.with("format", "ltsv"),
        "\"time\":1.000000\t\"log\":\"é \"x\"\"\t\"n\":1.500000\t\"o\":{\"a\"=>[1, nil]}\n\
         \"time\":1.001000\t\"m\":\"b\"\t\"m\":\"c\"\n",
    )
    .await;
    check(
        |settings| settings.with("format", "template").with("template", "{time} [{log}] {n} {m} {x"),
        "1.000000 [é \"x\"] 1.500000 {m} {x\n1.001000 [{log}] {n} c {x\n",
    )
    .await;
}

#[tokio::test]
async fn files_are_named_by_tag_and_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let batches =
        [batch("a.b", &[r#"{"n":1}"#]), batch("../x", &[r#"{"n":2}"#]), batch("..", &[r#"{"n":3}"#])];
    for _ in 0..2 {
        write(in_folder(&folder).with("format", "plain"), &batches).await;
    }
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("a.b"), "{\"n\":1}\n{\"n\":1}\n");
    assert_eq!((read(".._x").lines().count(), read("_").lines().count()), (2, 2));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    write(in_folder(&folder).with("file", "$TAG[1].log"), &batches[..1]).await;
    assert_eq!(read("b.log"), "a.b: [1.000000000, {\"n\":1}]\n");
}

#[tokio::test]
async fn folders_are_made_where_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || {
        let path = folder.path().join("deep/er").display().to_string();
        Setting::map().with("path", path).with("file", "out")
    };
    let file = built(settings());
    let out = encoded(&file, &[batch("t", &["{}"])]);
    let Outcome::Retry { reason, .. } = file.send(&out.payloads()[0]).await else { panic!("no retry") };
    assert!(reason.contains("mkdir: true"), "{reason}");
    write(settings().with("mkdir", true), &[batch("t", &["{}"])]).await;
    assert!(folder.path().join("deep/er/out").exists());
}

#[tokio::test]
async fn payloads_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let file = Arc::new(built(in_folder(&folder).with("file", "out").with("format", "plain")));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let file = file.clone();
        tasks.spawn(async move {
            let line = format!(r#"{{"t":{task},"log":"{}"}}"#, "x".repeat(50_000));
            for _ in 0..5 {
                let out = encoded(&file, &[batch("t", &[&line, &line])]);
                assert_eq!(file.send(&out.payloads()[0]).await, Outcome::Sent);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let text = fs::read_to_string(folder.path().join("out")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 80);
    assert!(lines.chunks(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn many_files_and_large_payloads_are_sealed_early() {
    let file = built(Setting::map());
    let (mut encoder, mut out) = (file.encoder(), Sealed::default());
    for tag in 0..MAX_OPEN + 5 {
        encoder.encode(&batch(&format!("t{tag}"), &["{}"]), &mut out);
    }
    assert_eq!(out.payloads().len(), 5);
    let line = format!(r#"{{"log":"{}"}}"#, "x".repeat(300_000));
    (0..4).for_each(|_| encoder.encode(&batch("big", &[&line]), &mut out));
    assert_eq!(out.payloads().len(), 7);
    assert_eq!(out.payloads()[6].records, 4);
}

#[test]
fn names_must_not_depend_on_records() {
    let settings = Setting::map().with("file", "$user.log");
    let Err(text) = exporter::<FileExporter>(settings, &Surroundings::for_tests()) else {
        panic!("accepted")
    };
    assert!(text.contains("must not depend on a record"), "{text}");
}
