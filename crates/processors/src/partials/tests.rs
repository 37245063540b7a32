//! Pieces of cut lines, in order and out of luck.

use std::sync::{Arc, Mutex};

use engine::Processor;
use engine::testing::{batch, json_lines, process, processor};
use model::{Receipt, Token};

use super::*;
use crate::join_partials::JoinPartials;
use crate::testing::settings;

fn joiner(options: &str) -> JoinPartials {
    processor(settings(options)).unwrap()
}

fn piece(id: &str, ordinal: u32, last: bool, text: &str) -> String {
    format!(
        r#"{{"log":"{text}","source":"stdout","partial_message":"true","partial_id":"{id}","partial_ordinal":"{ordinal}","partial_last":"{last}"}}"#
    )
}

#[test]
fn pieces_become_one_record_where_the_last_one_came() {
    let mut joiner = joiner("{}");
    let lines = [
        piece("x", 1, false, "a"),
        r#"{"log":"whole"}"#.into(),
        piece("y", 1, false, "1"),
        piece("x", 2, true, "b"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (out, gone) = process(&mut joiner, batch("t", &lines));
    assert_eq!(json_lines(&out), "t {\"log\":\"whole\"}\nt {\"source\":\"stdout\",\"log\":\"ab\"}\n");
    assert_eq!((gone, joiner.held()), (vec![(Reason::Joined, 1)], 1));
    assert_eq!(out[0].logs[1].time, 1_000_000_000, "the time of the first piece");

    // The same id under another tag is another line.
    let (out, _) = process(&mut joiner, batch("u", &[&piece("y", 2, true, "2")]));
    assert_eq!(json_lines(&out), "u {\"source\":\"stdout\",\"log\":\"2\"}\n");
    let (out, _) = process(&mut joiner, batch("t", &[&piece("y", 2, false, "2"), &piece("y", 3, true, "")]));
    assert_eq!(json_lines(&out), "t {\"source\":\"stdout\",\"log\":\"12\"}\n");
    assert_eq!(joiner.held(), 0);
}

#[test]
fn bytes_are_joined_before_anyone_repairs_them() {
    let mut joiner = joiner("{}");
    let text = "é".as_bytes();
    for (place, byte) in text.iter().enumerate() {
        let mut batch = batch("t", &[&piece("x", place as u32, place == 1, "")]);
        let list = batch.logs[0].fields().unwrap();
        let half = batch.arena.store(&[*byte]);
        batch.arena.set(&mut list.clone(), b"log", model::Value::Str(half));
        let (out, _) = process(&mut joiner, batch);
        assert_eq!(json_lines(&out), ["", "t {\"source\":\"stdout\",\"log\":\"é\"}\n"][place]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_does_not_come_is_not_waited_for() {
    let mut joiner = joiner(r#"{"timeout": "3s"}"#);
    process(&mut joiner, batch("t", &[&piece("x", 1, false, "half")]));
    let mut out = Vec::new();
    tokio::time::advance(Duration::from_secs(2)).await;
    joiner.tick(Instant::now(), &mut out);
    assert!(out.is_empty());
    process(&mut joiner, batch("t", &[&piece("x", 2, false, " and more")]));
    tokio::time::advance(Duration::from_secs(2)).await;
    joiner.tick(Instant::now(), &mut out);
    assert!(out.is_empty(), "a piece came in between");
    tokio::time::advance(Duration::from_secs(1)).await;
    joiner.tick(Instant::now(), &mut out);
    assert_eq!(json_lines(&out), "t {\"source\":\"stdout\",\"log\":\"half and more\"}\n");
    assert_eq!(joiner.held(), 0);
    process(&mut joiner, batch("t", &[&piece("x", 1, false, "end")]));
    joiner.finish(&mut out);
    assert_eq!((out.len(), joiner.held()), (2, 0));
}

#[test]
fn a_line_that_is_too_long_goes_on_in_parts() {
    let mut joiner = joiner(r#"{"max_bytes": 5}"#);
    let lines = [("abc", false), ("de", false), ("f", false), ("g", true)];
    let lines: Vec<String> = lines.iter().map(|(text, last)| piece("x", 1, *last, text)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (out, gone) = process(&mut joiner, batch("t", &lines));
    let line = |text: &str| format!("t {{\"source\":\"stdout\",\"log\":\"{text}\"}}\n");
    assert_eq!(json_lines(&out), line("abcde") + &line("fg"));
    assert_eq!(gone, [(Reason::Joined, 2)]);
}

#[test]
fn what_cannot_be_joined_passes() {
    let mut joiner = joiner("{}");
    let lines = [r#"{"log":"x","partial_message":"true"}"#, r#"{"partial_message":"true","partial_id":"1"}"#];
    let (out, _) = process(&mut joiner, batch("t", &lines));
    assert_eq!(json_lines(&out), format!("t {}\nt {}\n", lines[0], lines[1]));
}

struct Report(Arc<Mutex<Vec<bool>>>);

impl Receipt for Report {
    fn settle(&self, delivered: bool) {
        self.0.lock().unwrap().push(delivered);
    }
}

#[test]
fn no_sender_is_answered_before_its_piece_has_gone_on() {
    let mut joiner = joiner("{}");
    let settled = Arc::new(Mutex::new(Vec::new()));
    let mut last = Vec::new();
    for ordinal in 1..=3 {
        let mut batch = batch("t", &[&piece("x", ordinal, ordinal == 3, "p")]);
        batch.token = Token::new(Box::new(Report(settled.clone())));
        last = process(&mut joiner, batch).0;
        assert!(settled.lock().unwrap().is_empty());
    }
    last[0].token.lose();
    drop(last);
    assert_eq!(*settled.lock().unwrap(), [false; 3]);
}
