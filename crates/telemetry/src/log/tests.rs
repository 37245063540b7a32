//! What is written, and what is kept back.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracing::{Level, debug, error, info, warn};

use super::limiter::{Limiter, Verdict};
use super::{Filter, Line, Log, LogFormat, LogSettings};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs code with a log and returns what it wrote, without the times.
fn written(format: LogFormat, filter: &str, work: impl FnOnce()) -> String {
    let page = Page::default();
    let settings = LogSettings { format, filter: filter.parse().unwrap() };
    let log = Arc::new(Log::new(settings, Box::new(page.clone())));
    tracing::subscriber::with_default(log.clone(), work);
    log.report(true);
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let untimed = |line: &str| match format {
        LogFormat::Human { .. } => line[9..].to_owned(),
        LogFormat::Logfmt => line.split_once(' ').unwrap().1.to_owned(),
        LogFormat::Json => format!("{{{}", line.split_once(',').unwrap().1),
    };
    text.lines().map(|line| untimed(line) + "\n").collect()
}

#[test]
fn each_form_carries_the_same() {
    let refused =
        || warn!(component = "datadog.0", status = 413, items = 20u64, "payload refused; splitting");
    assert_eq!(
        written(LogFormat::Human { color: false }, "info", refused),
        "warn  payload refused; splitting component=datadog.0 status=413 items=20\n"
    );
    assert_eq!(
        written(LogFormat::Logfmt, "info", refused),
        "level=warn target=telemetry::log::tests msg=\"payload refused; splitting\" component=datadog.0 status=413 items=20\n"
    );
    assert_eq!(
        written(LogFormat::Json, "info", refused),
        "{\"level\":\"warn\",\"target\":\"telemetry::log::tests\",\"message\":\"payload refused; splitting\",\
         \"component\":\"datadog.0\",\"status\":413,\"items\":20}\n"
    );
}

#[test]
fn a_value_cannot_forge_a_line() {
    let hostile = "x\"\nlevel=error msg=\x1b[31mgone\u{9b}";
    let work = || info!(tag = hostile, "{hostile}");
    for format in [LogFormat::Human { color: false }, LogFormat::Logfmt, LogFormat::Json] {
        let text = written(format, "info", work);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.trim_end().contains(char::is_control), "{text:?}");
    }
    assert_eq!(
        written(LogFormat::Logfmt, "info", || info!(empty = "", "done")),
        "level=info target=telemetry::log::tests msg=\"done\" empty=\"\"\n"
    );
}

#[test]
fn filters_by_level_and_target() {
    let all = || {
        error!(target: "net::http", "a");
        warn!(target: "network", "b");
        info!(target: "net", "c");
        debug!(target: "net::http", "d");
        debug!(target: "engine", "e");
    };
    let cases = [
        ("info", "abc"),
        ("warning", "ab"),
        ("off", ""),
        ("off,net=info", "ac"),
        ("warn,net::http=debug", "abd"),
        ("debug,net=warn,net::http=trace", "abde"),
    ];
    for (filter, expected) in cases {
        let text = written(LogFormat::Human { color: false }, filter, all);
        let letters: String = text.lines().map(|line| line.chars().last().unwrap()).collect();
        assert_eq!(letters, expected, "{filter}");
    }
    assert_eq!(
        "loud".parse::<Filter>().unwrap_err().to_string(),
        "`loud` is no log level; use off, error, warn, info, debug or trace, or `TARGET=LEVEL`"
    );
}

#[test]
fn repeated_lines_are_counted_for_each_component() {
    let text = written(LogFormat::Human { color: false }, "info", || {
        for n in 0..8 {
            for component in ["a", "b"] {
                if component == "a" || n < 5 {
                    warn!(component, n, "cannot send");
                }
            }
        }
    });
    assert_eq!(text.matches("cannot send component=a").count(), 5);
    assert_eq!(text.matches("cannot send component=b").count(), 5);
    assert!(text.ends_with("warn  and 3 more like it like=\"cannot send\" component=a\n"), "{text}");
}

#[test]
fn a_new_period_begins_with_new_room() {
    let mut limiter = Limiter::default();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let callsite = tracing::callsite!(name: "test", kind: tracing::metadata::Kind::EVENT, fields: message);
    let metadata = tracing::callsite::Callsite::metadata(callsite);
    let line = Line::new(Level::INFO, "test", "again".into());
    let passed = |limiter: &mut Limiter, seconds| {
        (0..9).filter(|_| limiter.see(metadata, &line, at(seconds)) == Verdict::Write).count()
    };
    assert_eq!(passed(&mut limiter, 0), 5);
    assert_eq!(passed(&mut limiter, 10), 0);
    assert!(limiter.ended(at(12), false).is_empty());
    let kept = limiter.ended(at(31), false);
    assert_eq!((kept.len(), kept[0].count, kept[0].message.as_str()), (1, 13, "again"));
    assert_eq!(passed(&mut limiter, 32), 5);
}

#[test]
fn reads_the_variables_in_order() {
    let settings = |variables: &'static [(&str, &str)]| {
        LogSettings::from_environment(&|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(settings(&[]).filter, Filter::default());
    assert_eq!(settings(&[("FLB_LOG_LEVEL", "debug")]).filter, "debug".parse().unwrap());
    assert_eq!(settings(&[("FLB_LOG_LEVEL", "debug"), ("RUST_LOG", "warn")]).filter, "warn".parse().unwrap());
    assert_eq!(settings(&[("RUST_LOG", "nonsense!")]).filter, Filter::default());
}
