//! What others or a broken disk did to the files: the lake opens, tells, and loses nothing else.
#![allow(clippy::print_stdout)] // Says why a test was left out.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{append, files, flush, lines, messages, payload, settings, wait};
use lake::{Lake, LakeError, Table};

/// Three segments of ten lines each.
fn three_segments(folder: &Path) -> Vec<PathBuf> {
    let lake = Lake::open(settings(folder)).expect("the lake opens");
    for number in 0..3 {
        append(&lake, number, &lines(number, 10)).expect("rows are taken");
        flush(&lake);
    }
    let segments = lake.snapshot(Table::Logs).segments;
    assert_eq!(segments.len(), 3);
    segments.iter().map(|segment| segment.path.clone()).collect()
}

fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file");
    change(&mut bytes);
    fs::write(path, bytes).expect("a file");
}

/// The lake opens with the lines of the other segments, and the damaged file stays.
fn check_segment(change: impl FnOnce(&mut Vec<u8>)) {
    let folder = tempfile::tempdir().expect("a folder");
    let segments = three_segments(folder.path());
    damage(&segments[1], change);
    for _ in 0..2 {
        let lake = Lake::open(settings(folder.path())).expect("the lake opens");
        let found = messages(&lake);
        assert_eq!(found.len(), 20);
        assert!(!found.contains_key("line 0 of 1"));
        assert!(segments[1].exists(), "somebody may know how to read it");
    }
}

#[test]
fn a_segment_with_a_damaged_footer_is_left_out() {
    check_segment(|bytes| {
        let footer = bytes.len() - 8 - 300;
        bytes[footer..footer + 250].fill(0xff);
    });
    check_segment(|bytes| {
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(b"NOPE");
    });
}

#[test]
fn a_truncated_segment_is_left_out() {
    check_segment(|bytes| bytes.truncate(bytes.len() / 2));
    check_segment(Vec::clear);
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    three_segments(folder.path());
    let foreign: Vec<PathBuf> = ["", "wal", "logs", "logs/new", "points"]
        .iter()
        .flat_map(|within| {
            ["7.log", "notes.txt", "mine.parquet", "mine.unnamed"]
                .map(|name| folder.path().join(within).join(name))
        })
        .collect();
    for path in &foreign {
        fs::write(path, b"not yours").expect("a file");
    }
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    assert_eq!(messages(&lake).len(), 30);
    append(&lake, 9, &lines(9, 1)).expect("rows are taken");
    flush(&lake);
    assert_eq!(messages(&lake).len(), 31);
    for path in &foreign {
        assert_eq!(fs::read(path).expect("it is still there"), b"not yours");
    }
}

/// Three payloads that are only in the log.
fn logged(folder: &Path) -> PathBuf {
    let lake = Lake::open(settings(folder)).expect("the lake opens");
    for number in 0..3 {
        append(&lake, number, &lines(number, 10)).expect("rows are taken");
    }
    drop(lake);
    files(&folder.join("wal")).pop().expect("a log file")
}

#[test]
fn a_log_file_with_a_damaged_frame_is_kept_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = logged(folder.path());
    let frame = (fs::read(&log).expect("a log").len() - 8) / 3;
    damage(&log, |bytes| bytes[8 + frame + frame / 2] ^= 1);
    let before = fs::read(&log).expect("a log");
    {
        let looked = Lake::open_read_only(settings(folder.path())).expect("the lake opens");
        assert_eq!(messages(&looked).len(), 20);
        assert_eq!(files(&folder.path().join("wal")), std::slice::from_ref(&log), "a look changes nothing");
    }
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    flush(&lake);
    let found = messages(&lake);
    assert_eq!(found.len(), 20);
    assert!(!found.contains_key("line 0 of 1"));
    drop(lake);
    assert!(!log.exists(), "its good rows are in a segment");
    assert_eq!(fs::read(log.with_extension("log.damaged")).expect("it is kept"), before);
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    assert_eq!(messages(&lake), found, "nothing of it comes twice");
    // The sender may still have what was damaged.
    append(&lake, 1, &lines(1, 10)).expect("rows are taken");
    assert_eq!(messages(&lake).len(), 30);
}

#[test]
fn a_log_file_that_ends_within_a_frame_is_no_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = logged(folder.path());
    damage(&log, |bytes| bytes.truncate(bytes.len() - 5));
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    flush(&lake);
    assert_eq!(messages(&lake).len(), 20);
    drop(lake);
    assert!(!log.with_extension("log.damaged").exists());
}

#[test]
fn a_catalog_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    three_segments(folder.path());
    let catalog = rusqlite::Connection::open(folder.path().join("catalog.db")).expect("a catalog");
    catalog.pragma_update(None, "user_version", 99).expect("a version");
    drop(catalog);
    let refused = Lake::open(settings(folder.path())).err().expect("it is refused");
    assert!(matches!(refused, LakeError::Newer(_)), "{refused}");
    assert!(refused.to_string().contains("newer version"), "{refused}");
    assert_eq!(files(&folder.path().join("logs")).len(), 3);
}

#[test]
fn a_catalog_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    three_segments(folder.path());
    let catalog = folder.path().join("catalog.db");
    fs::write(&catalog, b"this is no catalog at all, however long one looks at it").expect("a file");
    let refused = Lake::open(settings(folder.path())).err().expect("it is refused");
    assert!(matches!(refused, LakeError::Catalog { .. }), "{refused}");
    assert!(refused.to_string().contains("catalog.db"), "{refused}");
    // An empty one would let every segment be swept.
    for gone in [false, true] {
        match gone {
            true => fs::remove_file(&catalog).expect("a file"),
            false => fs::write(&catalog, b"").expect("a file"),
        }
        let refused = Lake::open(settings(folder.path())).err().expect("it is refused");
        assert!(matches!(refused, LakeError::CatalogGone(_)), "{refused}");
        assert_eq!(files(&folder.path().join("logs")).len(), 3);
    }
}

#[test]
fn a_payload_that_cannot_be_read_is_refused_and_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(settings(folder.path())).expect("the lake opens");
    let whole = payload(1, &lines(1, 10));
    for length in [3, 16 + 4, whole.len() / 2] {
        let refused = wait(lake.append(whole.slice(..length))).expect_err("it is refused");
        assert!(matches!(refused, LakeError::Payload(_)), "{refused}");
    }
    wait(lake.append(whole)).expect("rows are taken");
    assert_eq!(messages(&lake).len(), 10);
}

/// Set for the process whose files may not grow.
const CHILD: &str = "LAKE_FULL_CHILD";

/// A process whose files may have 1 MiB, or half of that where the shell counts so. Does nothing unless it was started as one.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let lake = Lake::open(settings(Path::new(&folder))).expect("the lake opens");
    let mut random = fastrand::Rng::with_seed(1);
    // Nothing that compresses.
    let mut long = |number: u64| {
        let line = |n: u64| {
            let noise: String = std::iter::repeat_with(|| random.alphanumeric()).take(1000).collect();
            (common::NOW + n as i64, format!("{number}:{n} {noise}"))
        };
        (0..100).map(line).collect::<Vec<_>>()
    };
    let all: Vec<_> = (0..24).map(&mut long).collect();
    let mut refused = 0;
    for (number, lines) in all.iter().enumerate() {
        // As a sender does: again until it is taken. Twice, for it cannot know that an answer was not lost.
        while let Err(error) = append(&lake, number as u64, lines) {
            assert!(matches!(error, LakeError::File { .. }), "{error}");
            refused += 1;
            assert!(refused < 100, "nothing is taken any more");
            flush(&lake);
        }
        append(&lake, number as u64, lines).expect("it is known");
    }
    assert!(refused > 0, "every file had room");
    let found = messages(&lake);
    assert_eq!(found.len(), 2400);
    assert!(found.values().all(|times| *times == 1), "a row is there twice");
    drop(lake);
    let lake = Lake::open(settings(Path::new(&folder))).expect("the lake opens");
    assert_eq!(messages(&lake), found);
}

#[test]
fn a_full_disk_refuses_and_doubles_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    // Without the signal, a write beyond the limit fails as on a full disk.
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1024 || exit 77; exec \"$0\" --exact child --nocapture"])
        .arg(std::env::current_exe().expect("this test"))
        .env(CHILD, folder.path())
        .output();
    match ended {
        Ok(ended) if ended.status.code() != Some(77) => {
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
        _ => println!("left out: no shell here that can limit the size of files"),
    }
}
