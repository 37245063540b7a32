//! One record as one line, in Fluent Bit's forms.

use std::io::Write;

use model::{Arena, List, LogRecord, Span, Value, json};

use super::{Config, Format};
use crate::dated::{DateFormat, DatedJson};
use crate::inspect;

pub(super) enum Writer {
    Json(DatedJson),
    Plain(DatedJson),
    Csv { delimiter: String, names: bool },
    Ltsv { delimiter: String, label_delimiter: String },
    Template(Vec<Part>),
}

/// Text as it is, or the name of a field with the text that stands for it where there is none.
pub(super) enum Part {
    Text(String),
    Field(String),
}

impl Writer {
    pub(super) fn new(config: &Config) -> Writer {
        let delimiter = |usual: &str| config.delimiter.clone().unwrap_or_else(|| usual.into());
        let undated = || DatedJson::new("", DateFormat::default(), false);
        match config.format {
            Format::Json => Writer::Json(undated()),
            Format::Plain => Writer::Plain(undated()),
            Format::Csv => Writer::Csv { delimiter: delimiter(","), names: config.csv_column_names },
            Format::Ltsv => Writer::Ltsv {
                delimiter: delimiter("\t"),
                label_delimiter: config.label_delimiter.clone().unwrap_or_else(|| ":".into()),
            },
            Format::Template => {
                Writer::Template(parts(config.template.as_deref().unwrap_or("{time} {message}")))
            }
        }
    }

    pub(super) fn write(&mut self, arena: &Arena, tag: &str, record: &LogRecord, out: &mut Vec<u8>) {
        let (seconds, nanos) = (record.time / 1_000_000_000, record.time % 1_000_000_000);
        match self {
            Writer::Json(json) => {
                // Writing to a Vec cannot fail, here and below.
                let _ = write!(out, "{tag}: [{seconds}.{nanos:09}, ");
                json.write(arena, record, out);
                out.push(b']');
            }
            Writer::Plain(json) => json.write(arena, record, out),
            Writer::Csv { delimiter, names } => {
                if *names {
                    out.extend_from_slice(b"timestamp");
                    fields(arena, record, |key, _| {
                        out.extend_from_slice(delimiter.as_bytes());
                        inspect::write_text(key, out);
                    });
                    out.push(b'\n');
                }
                let _ = write!(out, "{seconds}.{nanos:09}");
                fields(arena, record, |_, value| {
                    out.extend_from_slice(delimiter.as_bytes());
                    inspect::write_value(arena, value, out);
                });
            }
            Writer::Ltsv { delimiter, label_delimiter } => {
                let _ = write!(out, "\"time\"{label_delimiter}{:.6}", record.time as f64 / 1e9);
                fields(arena, record, |key, value| {
                    out.extend_from_slice(delimiter.as_bytes());
                    inspect::write_text(key, out);
                    out.extend_from_slice(label_delimiter.as_bytes());
                    inspect::write_value(arena, value, out);
                });
            }
            Writer::Template(parts) => parts.iter().for_each(|part| part.write(arena, record, out)),
        }
        out.push(b'\n');
    }
}

impl Part {
    fn write(&self, arena: &Arena, record: &LogRecord, out: &mut Vec<u8>) {
        match self {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Field(name) if name == "time" => {
                let _ = write!(out, "{:.6}", record.time as f64 / 1e9);
            }
            Part::Field(name) => match arena.member(record.body, name.as_bytes()) {
                Some(value) => match arena.text(value) {
                    Some(text) => out.extend_from_slice(&text),
                    None => inspect::write_value(arena, value, out),
                },
                // As Fluent Bit has it: a field that is not there leaves its place as it was written.
                None => {
                    let _ = write!(out, "{{{name}}}");
                }
            },
        }
    }
}

/// Calls `each` for the record's fields; a body that is no map is one field.
fn fields(arena: &Arena, record: &LogRecord, mut each: impl FnMut(&[u8], Value)) {
    match record.body {
        Value::Map(list) => walk(arena, list, each),
        Value::Json(span) if arena.bytes(span).first() == Some(&b'{') => walk_json(arena, span, each),
        other => each(b"log", other),
    }
}

fn walk(arena: &Arena, list: List, mut each: impl FnMut(&[u8], Value)) {
    for (_, node) in arena.iter(list) {
        each(arena.bytes(node.key), node.value);
    }
}

fn walk_json(arena: &Arena, span: Span, mut each: impl FnMut(&[u8], Value)) {
    let text = arena.bytes(span);
    // Raw JSON in an arena is valid.
    let _ = json::members(text, |member| {
        let value = span.part(member.value.start, member.value.end);
        each(&json::unescaped(&text[member.key]), Value::Json(value));
    });
}

fn parts(template: &str) -> Vec<Part> {
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once('{')
        && let Some((name, behind)) = after.split_once('}')
    {
        parts.push(Part::Text(before.into()));
        parts.push(Part::Field(name.into()));
        rest = behind;
    }
    parts.push(Part::Text(rest.into()));
    parts
}
