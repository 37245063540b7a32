//! One line: collected from an event, written in one of three forms.
//!
//! Values may come from a client, so control characters never reach the output: no line can be forged and
//! no terminal commanded.

use std::fmt::{self, Write};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Human {
        color: bool,
    },
    /// `key=value` pairs.
    Logfmt,
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFormat, String> {
        match text {
            "human" => Ok(LogFormat::Human { color: false }),
            "logfmt" => Ok(LogFormat::Logfmt),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("`{text}` is no log format; use human, logfmt or json")),
        }
    }
}

#[derive(Debug)]
pub(super) struct Line {
    level: Level,
    target: &'static str,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    /// A number or a boolean, which JSON takes without quotes.
    Bare(String),
}

impl Line {
    pub(super) fn new(level: Level, target: &'static str, message: String) -> Line {
        Line { level, target, message, fields: Vec::new() }
    }

    pub(super) fn from_event(event: &Event<'_>) -> Line {
        let metadata = event.metadata();
        let mut line = Line::new(*metadata.level(), metadata.target(), String::new());
        event.record(&mut line);
        line
    }

    pub(super) fn field(&mut self, name: &'static str, value: &str) {
        self.fields.push((name, Value::Text(value.into())));
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Which component the line is about, if it says.
    pub(super) fn component(&self) -> Option<&str> {
        self.fields.iter().find_map(|(name, value)| match value {
            Value::Text(text) if *name == "component" => Some(text.as_str()),
            _ => None,
        })
    }

    pub(super) fn render(&self, format: LogFormat, now: Timestamp) -> String {
        let mut out = String::with_capacity(160);
        match format {
            LogFormat::Human { color } => self.human(&mut out, color, now),
            LogFormat::Logfmt => self.logfmt(&mut out, now),
            LogFormat::Json => self.json(&mut out, now),
        }
        out.push('\n');
        out
    }

    fn human(&self, out: &mut String, color: bool, now: Timestamp) {
        let paint = |code: &str| if color { format!("\x1b[{code}m") } else { String::new() };
        let (dim, plain) = (paint("2"), paint("0"));
        let time = format!("{now:.0}");
        let time = time.get(11..19).unwrap_or_default();
        let (word, tone) = match self.level {
            Level::ERROR => ("error", paint("31")),
            Level::WARN => ("warn ", paint("33")),
            Level::INFO => ("info ", String::new()),
            Level::DEBUG => ("debug", dim.clone()),
            Level::TRACE => ("trace", dim.clone()),
        };
        let _ = write!(out, "{dim}{time}{plain} {tone}{word}{plain} ");
        escape(out, &self.message, Quotes::Plain);
        for (name, value) in &self.fields {
            let _ = write!(out, " {dim}{name}={plain}");
            value.logfmt(out);
        }
    }

    fn logfmt(&self, out: &mut String, now: Timestamp) {
        let _ = write!(out, "time={now:.3} level={} target={} msg=", self.word(), self.target);
        quoted(out, &self.message);
        for (name, value) in &self.fields {
            let _ = write!(out, " {name}=");
            value.logfmt(out);
        }
    }

    fn json(&self, out: &mut String, now: Timestamp) {
        let _ = write!(
            out,
            "{{\"time\":\"{now:.3}\",\"level\":\"{}\",\"target\":\"{}\"",
            self.word(),
            self.target
        );
        out.push_str(",\"message\":");
        quoted(out, &self.message);
        for (name, value) in &self.fields {
            let _ = write!(out, ",\"{name}\":");
            match value {
                Value::Bare(text) => out.push_str(text),
                Value::Text(text) => quoted(out, text),
            }
        }
        out.push('}');
    }

    fn word(&self) -> &'static str {
        match self.level {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        }
    }

    fn push(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text) | Value::Bare(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Value {
    fn logfmt(&self, out: &mut String) {
        match self {
            Value::Bare(text) => out.push_str(text),
            Value::Text(text) => {
                let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\');
                if !text.is_empty() && text.chars().all(plain) {
                    out.push_str(text);
                } else {
                    quoted(out, text);
                }
            }
        }
    }
}

/// In quotes, valid as JSON and as logfmt.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text, Quotes::Escaped);
    out.push('"');
}

#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    Plain,
    Escaped,
}

fn escape(out: &mut String, text: &str, quotes: Quotes) {
    for c in text.chars() {
        match c {
            '"' | '\\' if quotes == Quotes::Escaped => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::Text(value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Bare(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is not finite.
        let text = value.to_string();
        self.push(field, if value.is_finite() { Value::Bare(text) } else { Value::Text(text) });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, Value::Text(value.to_string()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Value::Text(format!("{value:?}")));
    }
}
