//! What `stdout` sends, case by case.

use std::fs;

use config::Setting;
use engine::Surroundings;
use engine::testing::{batch, exporter};
use engine::{Encoder as _, Exporter as _};

use super::*;
use crate::golden;

/// What one run prints.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn printed(settings: Setting, batches: &[Batch]) -> Vec<u8> {
    let mut stdout: Stdout = exporter(settings, &Surroundings::for_tests()).unwrap();
    let paper = Paper::default();
    stdout.writer = Arc::new(Mutex::new(Box::new(paper.clone())));
    let (mut encoder, mut out) = (stdout.encoder(), Sealed::default());
    batches.iter().for_each(|batch| encoder.encode(batch, &mut out));
    encoder.seal(&mut out);
    for payload in out.payloads() {
        assert_eq!(stdout.send(payload).await, Outcome::Sent);
    }
    assert_eq!(
        out.payloads().iter().map(|payload| payload.records).sum::<u64>(),
        batches.iter().map(Batch::len).sum::<usize>() as u64
    );
    let paper = paper.0.lock().unwrap();
    paper.clone()
}

#[tokio::test]
async fn the_recorded_lines_are_printed() {
    for (case, format, date_format) in [
        ("stdout_formats", "msgpack", "double"),
        ("stdout_json_formats", "json", "double"),
        ("stdout_json_lines", "json_lines", "iso8601"),
    ] {
        let settings = Setting::map().with("format", format).with("date_format", date_format);
        let text = printed(settings, &golden::batches(case)).await;
        let expected = fs::read(golden::file(case, "stdout.txt")).unwrap();
        // Raw UTF-8 where Fluent Bit escapes.
        let expected = golden::replace(&expected, br"\u00e9", "é".as_bytes());
        assert_eq!(String::from_utf8_lossy(&text), String::from_utf8_lossy(&expected), "{case}");
        assert_eq!(text, expected, "{case}");
    }
}

#[tokio::test]
async fn places_start_again_with_each_tag() {
    let batches = [batch("a", &[r#"{"n":1}"#, r#"{"n":2}"#]), batch("b", &["{}"]), batch("b", &["{}"])];
    let text = String::from_utf8(printed(Setting::map(), &batches).await).unwrap();
    let starts: Vec<_> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(starts, ["[0] a", "[1] a", "[0] b", "[1] b"]);
}

#[tokio::test]
async fn a_stream_of_objects_is_one_line() {
    let settings = Setting::map().with("format", "json_stream").with("date_key", "");
    let text = printed(settings, &[batch("a", &[r#"{"n":1}"#, r#"{"n":2}"#])]).await;
    assert_eq!(String::from_utf8(text).unwrap(), "{\"n\":1}{\"n\":2}\n");
}

#[test]
fn a_large_payload_is_cut() {
    let stdout: Stdout = exporter(Setting::map(), &Surroundings::for_tests()).unwrap();
    let (mut encoder, mut out) = (stdout.encoder(), Sealed::default());
    let line = format!(r#"{{"log":"{}"}}"#, "x".repeat(100 << 10));
    for _ in 0..7 {
        encoder.encode(&batch("a", &[&line]), &mut out);
    }
    let cut: Vec<_> = out.payloads().iter().map(|payload| payload.records).collect();
    assert_eq!(cut, [3, 3]);
}
