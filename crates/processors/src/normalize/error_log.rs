//! nginx's error log: `2024/05/01 12:00:00 [error] 31#32: *5 message`.

use std::ops::Range;

use model::{Arena, LogRecord, Severity, Span, Value};

use super::severity::of_word;
use super::text::{digits, set};
use super::{Config, time};

struct Line {
    level: Range<usize>,
    severity: u8,
    process: i64,
    thread: i64,
    message: usize,
}

/// True when the line was one. Its message is the body then.
pub fn read(arena: &mut Arena, record: &mut LogRecord, line: Span, config: Config) -> bool {
    let Some(read) = parse(arena.bytes(line)) else { return false };
    if config.severity && record.severity.0 == 0 {
        record.severity = Severity(read.severity);
        record.severity_text = line.part(read.level.start, read.level.end);
    }
    if record.time == 0 {
        record.time = time::of_error_log(arena.bytes(line)).unwrap_or(0);
    }
    let mut attributes = record.attributes;
    set(arena, &mut attributes, "process.pid", Value::Int(read.process));
    set(arena, &mut attributes, "thread.id", Value::Int(read.thread));
    record.attributes = attributes;
    record.body = Value::Str(line.part(read.message, line.len()));
    true
}

fn parse(line: &[u8]) -> Option<Line> {
    let stamp =
        line.get(..21).filter(|stamp| stamp[4] == b'/' && stamp[7] == b'/' && stamp.ends_with(b" ["))?;
    let end = stamp.len() + line[stamp.len()..].iter().take(8).position(|byte| *byte == b']')?;
    let severity = of_word(&line[stamp.len()..end])?;
    let rest = line[end..].strip_prefix(b"] ")?;
    let colon = rest.iter().take(24).position(|byte| *byte == b':')?;
    let hash = rest[..colon].iter().position(|byte| *byte == b'#')?;
    let message = end + 2 + colon + 1;
    Some(Line {
        level: stamp.len()..end,
        severity,
        process: digits(&rest[..hash])?,
        thread: digits(&rest[hash + 1..colon])?,
        message: message + line[message..].iter().take_while(|byte| **byte == b' ').count(),
    })
}
