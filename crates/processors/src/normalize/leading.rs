//! The level at the head of a plain line, in forms that loggers write and sentences do not.
//!
//! `INFO: text`, `WARN text`, `[error] text`, each also behind a time; Python's `time - name - LEVEL - text`;
//! logback's `time [thread] LEVEL name`; logfmt's `level=info`; `I0501 12:00:00.000000` of Kubernetes' and glog.

use std::ops::Range;

use model::{Arena, LogRecord, Severity, Span};

use super::severity::{of_head_word, of_word};

/// Parts of a line that are looked at, times and names included.
const PARTS: usize = 7;
/// The longest word that is known.
const LONGEST: usize = 9;

pub fn severity(arena: &Arena, record: &mut LogRecord, line: Span) {
    let Some((number, place)) = level(arena.bytes(line)) else { return };
    record.severity = Severity(number);
    if record.severity_text.is_empty() {
        record.severity_text = line.part(place.start, place.end);
    }
}

/// The severity and where its word stands.
fn level(line: &[u8]) -> Option<(u8, Range<usize>)> {
    let mut at = skip_space(line, 0);
    match line.get(at)? {
        b'a'..=b'z' if is_logfmt(&line[at..]) => return logfmt(line, at),
        b'I' | b'W' | b'E' | b'F' if is_klog(&line[at..]) => return klog(line, at),
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'[' | b'<' | b'(' => {}
        _ => return None,
    }
    let mut timed = false;
    let mut behind_dash = false;
    for _ in 0..PARTS {
        if let Some(found) = word(line, at) {
            return Some(found);
        }
        let part = part(&line[at..]);
        let is_dash = part == b"-";
        if is_time(part) {
            timed = true;
        } else if !timed || !(is_dash || behind_dash || is_between(part)) {
            return None;
        }
        behind_dash = is_dash;
        at = skip_space(line, at + part.len());
    }
    None
}

/// A level that stands here: in brackets, before a colon, or in capitals.
fn word(line: &[u8], at: usize) -> Option<(u8, Range<usize>)> {
    let bracketed = matches!(line.get(at)?, b'[' | b'<' | b'(');
    let start = if bracketed { skip_space(line, at + 1) } else { at };
    let rest = &line[start..];
    let length = rest.iter().take(LONGEST + 1).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..length).filter(|lower| lower.len() > 2)?;
    lower.copy_from_slice(&rest[..length]);
    lower.make_ascii_lowercase();
    let number = of_head_word(lower)?;
    let capitals = rest[..length].iter().all(u8::is_ascii_uppercase);
    let ends_well = match line.get(skip_space(line, start + length)) {
        Some(b']' | b'>' | b')') => bracketed,
        Some(b':') if !bracketed && rest.get(length) == Some(&b':') => true,
        Some(b'|') => !bracketed,
        _ => !bracketed && capitals && matches!(rest.get(length), Some(b' ' | b'\t')),
    };
    ends_well.then_some((number, start..start + length))
}

/// Up to a space, or a whole bracket.
fn part(rest: &[u8]) -> &[u8] {
    let end = match rest.first() {
        Some(b'[') => rest.iter().take(64).position(|byte| *byte == b']').map(|end| end + 1),
        _ => None,
    };
    let space = || rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len());
    &rest[..end.unwrap_or_else(space)]
}

/// A date, a time of day or both, in brackets or not.
fn is_time(part: &[u8]) -> bool {
    let inner = part.strip_prefix(b"[").unwrap_or(part);
    let marks = inner.iter().filter(|byte| matches!(byte, b':' | b'-' | b'/' | b'.')).count();
    inner.first().is_some_and(u8::is_ascii_digit) && marks >= 2
}

/// What loggers write between a time and a level: a zone, a thread, a process.
fn is_between(part: &[u8]) -> bool {
    matches!(part, b"UTC" | b"GMT" | b"Z" | b"|" | b"--") || part.first() == Some(&b'[')
}

fn is_logfmt(rest: &[u8]) -> bool {
    let key = rest.iter().take(8).position(|byte| *byte == b'=').map(|end| &rest[..end]);
    matches!(key, Some(b"level" | b"lvl" | b"severity" | b"time" | b"ts" | b"t" | b"msg"))
}

/// `level=` among the first fields.
fn logfmt(line: &[u8], start: usize) -> Option<(u8, Range<usize>)> {
    let mut at = start;
    for _ in 0..PARTS {
        let rest = &line[at..];
        let key = [b"level=".as_slice(), b"lvl=", b"severity="].into_iter().find(|key| rest.starts_with(key));
        if let Some(key) = key {
            let from = at + key.len() + usize::from(rest.get(key.len()) == Some(&b'"'));
            let word = line[from..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            return Some((of_word(&line[from..from + word])?, from..from + word));
        }
        at = skip_space(line, at + part(rest).len());
    }
    None
}

fn is_klog(rest: &[u8]) -> bool {
    rest.len() > 7 && rest[1..5].iter().all(u8::is_ascii_digit) && rest[5] == b' ' && rest[6].is_ascii_digit()
}

fn klog(line: &[u8], at: usize) -> Option<(u8, Range<usize>)> {
    let number = match line[at] {
        b'I' => 9,
        b'W' => 13,
        b'E' => 17,
        _ => 21,
    };
    Some((number, at..at + 1))
}

fn skip_space(line: &[u8], at: usize) -> usize {
    at + line[at.min(line.len())..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_found_in_the_usual_forms_alone() {
        for (line, expected) in [
            ("INFO:     127.0.0.1:54321 - \"GET / HTTP/1.1\" 200 OK", Some((9, "INFO"))),
            ("WARNING:root:disk is nearly full", Some((13, "WARNING"))),
            ("Error: connect ECONNREFUSED 127.0.0.1:5432", Some((17, "Error"))),
            ("[error] no such table", Some((17, "error"))),
            ("[INFO ] started", Some((9, "INFO"))),
            ("ERROR could not open file", Some((17, "ERROR"))),
            ("2024-05-01 12:00:00,123 INFO app: ready", Some((9, "INFO"))),
            ("2024-05-01 12:00:00,123 - app.db - WARNING - slow", Some((13, "WARNING"))),
            ("12:00:00.123 [main] DEBUG c.e.App - ready", Some((5, "DEBUG"))),
            ("2024-05-01T12:00:00.123Z  WARN 1 --- [main] c.e.App : slow", Some((13, "WARN"))),
            ("[2024-05-01 12:00:00 +0000] [7] [INFO] Booting worker", Some((9, "INFO"))),
            ("[01-May-2024 12:00:00] NOTICE: ready to handle connections", Some((10, "NOTICE"))),
            ("time=2024-05-01T12:00:00.000Z level=WARN msg=slow", Some((13, "WARN"))),
            ("time=\"2024-05-01T12:00:00Z\" level=info msg=\"it runs\"", Some((9, "info"))),
            ("E0501 12:00:00.000000       1 main.go:12] failed", Some((17, "E"))),
            ("2024-05-01 12:00:00.123 UTC [1] FATAL:  too many connections", Some((21, "FATAL"))),
            ("Information is power", None),
            ("error handling was improved", None),
            ("[main] started", None),
            ("A trace of it", None),
            ("2024 was a year of ERROR messages", None),
            ("Warn", None),
            ("", None),
            ("   ", None),
            ("[", None),
        ] {
            let found = level(line.as_bytes());
            assert_eq!(found.map(|(number, place)| (number, &line[place])), expected, "{line}");
        }
    }
}
