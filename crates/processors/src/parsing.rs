//! Text into fields: the parsers of `parser` and `multiline`.
//!
//! A parser answers with the fields it read and the time it found; what becomes of the record is its caller's.
//! JSON stays raw, the other formats point into the text, so that hardly anything is copied.

mod decoder;
pub mod delimited;
mod time;
mod types;

use std::ops::Range;

use config::Pattern;
use engine::BuildContext;
use engine::clock::now_nanos;
use model::{Arena, List, NodeId, Span, Value, json};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;

use decoder::{Decoder, decode};
use delimited::{Form, Pair};
use time::TimeFormat;
use types::{Type, convert};

/// How one kind of line is read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ParserConfig {
    /// Its name in messages.
    pub name: String,
    /// What the text is written in.
    pub format: Format,
    /// For `regex`: the expression, in Ruby's dialect. Its named groups become fields.
    pub regex: Option<Pattern>,
    /// The field that holds the time. It is looked at only where `time_format` is set.
    #[serde(default = "time")]
    pub time_key: String,
    /// How the time is written, after `strptime`. `%L` is a fraction of one to nine digits, `%z` takes
    /// `+hhmm`, `+hh:mm`, `+hh`, `Z` and `UTC`. Where there is no year, or no date, the one closest to now is
    /// taken.
    pub time_format: Option<String>,
    /// The offset of times that name no zone, such as `+0200`. UTC when not set.
    pub time_offset: Option<String>,
    /// Keep the time's field in the record.
    #[serde(default)]
    pub time_keep: bool,
    /// Whether the whole of `time_format` must fit. If not, what fits from its start is the time.
    #[serde(default = "yes")]
    pub time_strict: bool,
    /// The zone of times that name none: an IANA name such as `Europe/Berlin`, or `local`.
    pub time_zone: Option<String>,
    /// What text becomes, for the formats other than `json`. Text that is no such value stays text.
    #[serde(default)]
    pub types: Vec<TypeRule>,
    /// For `regex`: leave out groups that matched nothing.
    #[serde(default = "yes")]
    pub skip_empty_values: bool,
    /// For `logfmt`: refuse lines with keys that have no `=`.
    #[serde(default)]
    pub logfmt_no_bare_keys: bool,
    /// What is done with single fields afterwards, in this order.
    #[serde(default)]
    pub decoders: Vec<Decoder>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Regex,
    Ltsv,
    Logfmt,
}

/// The type of one field.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct TypeRule {
    pub key: String,
    pub r#type: Type,
}

fn time() -> String {
    "time".into()
}

fn yes() -> bool {
    true
}

/// A parser ready to use.
pub struct Parser {
    name: String,
    component: config::ComponentId,
    kind: Kind,
    time: Option<TimeRule>,
    types: Vec<TypeRule>,
    decoders: Vec<Decoder>,
}

enum Kind {
    Json,
    Regex { pattern: Pattern, names: Vec<String>, skip_empty: bool },
    Ltsv,
    Logfmt { bare_keys: bool },
}

struct TimeRule {
    key: Box<[u8]>,
    pattern: String,
    format: TimeFormat,
    keep: bool,
}

/// What a parser made of a text.
pub struct Parsed {
    pub fields: List,
    /// Nanoseconds since the epoch.
    pub time: Option<u64>,
}

impl Parser {
    /// Reports what is wrong at `key`, the setting that holds the parser.
    pub fn build(
        config: ParserConfig,
        key: &str,
        cx: &mut BuildContext<'_>,
    ) -> Result<Self, engine::ConfigError> {
        let time = TimeRule::build(&config, key, cx)?;
        let kind = match (config.format, config.regex) {
            (Format::Json, _) => Kind::Json,
            (Format::Ltsv, _) => Kind::Ltsv,
            (Format::Logfmt, _) => Kind::Logfmt { bare_keys: !config.logfmt_no_bare_keys },
            (Format::Regex, Some(pattern)) => {
                let names = pattern.names().map(str::to_owned).collect();
                Kind::Regex { pattern, names, skip_empty: config.skip_empty_values }
            }
            (Format::Regex, None) => {
                let message = format!("parser `{}` has no expression", config.name);
                return Err(cx.refuse(key, message, "set `regex`"));
            }
        };
        let component = cx.id.clone();
        Ok(Parser {
            name: config.name,
            component,
            kind,
            time,
            types: config.types,
            decoders: config.decoders,
        })
    }

    /// Reads the text. `None` when it is not written in the parser's format; the arena may then hold nodes
    /// that nothing points to.
    #[inline]
    pub fn parse(&self, arena: &mut Arena, text: Span) -> Option<Parsed> {
        let mut fields = match &self.kind {
            Kind::Json if looks_like_object(arena.bytes(text)) => arena.parse_object(text).ok()?,
            Kind::Json => return None,
            Kind::Regex { pattern, names, skip_empty } => {
                self.captured(arena, text, pattern, names, *skip_empty)?
            }
            Kind::Ltsv => self.link(arena, text, &delimited::ltsv(arena.bytes(text))?),
            Kind::Logfmt { bare_keys } => {
                self.link(arena, text, &delimited::logfmt(arena.bytes(text), *bare_keys)?)
            }
        };
        if !self.decoders.is_empty() {
            decode(&self.decoders, arena, &mut fields);
        }
        let Some(rule) = &self.time else { return Some(Parsed { fields, time: None }) };
        let Some((id, text)) = rule.find(arena, fields) else { return Some(Parsed { fields, time: None }) };
        let time = rule.format.read(arena.bytes(text), now_nanos());
        if time.is_none() {
            self.warn_of_time(rule, arena.bytes(text));
        }
        // A time that cannot be read: JSON keeps it, the others lose it or are no match at all.
        let remove = match (time, &self.kind) {
            (Some(_), _) => !rule.keep,
            (None, Kind::Json) => false,
            (None, Kind::Regex { .. }) => true,
            (None, Kind::Ltsv | Kind::Logfmt { .. }) => return None,
        };
        if remove {
            arena.retain(&mut fields, |_, other| other != id);
        }
        Some(Parsed { fields, time })
    }

    #[cold]
    fn warn_of_time(&self, rule: &TimeRule, text: &[u8]) {
        warn!(
            component = %self.component, parser = %self.name, format = %rule.pattern,
            value = %String::from_utf8_lossy(&text[..text.len().min(100)]),
            "the time does not fit its format; the record keeps the time it came with"
        );
    }

    fn captured(
        &self,
        arena: &mut Arena,
        text: Span,
        pattern: &Pattern,
        names: &[String],
        skip_empty: bool,
    ) -> Option<List> {
        let found: Vec<(&String, Range<usize>)> = {
            let bytes = arena.bytes(text);
            let captures = pattern.captures(bytes)?;
            let place = |part: &[u8]| {
                let start = part.as_ptr() as usize - bytes.as_ptr() as usize;
                start..start + part.len()
            };
            names.iter().filter_map(|name| Some((name, place(captures.name(name)?)))).collect()
        };
        let mut fields = List::EMPTY;
        for (name, range) in found {
            if skip_empty && range.is_empty() {
                continue;
            }
            let key = arena.store(name.as_bytes());
            let value = self.typed(arena, name.as_bytes(), text.part(range.start, range.end));
            arena.push(&mut fields, key, value);
        }
        Some(fields)
    }

    fn link(&self, arena: &mut Arena, text: Span, pairs: &[Pair]) -> List {
        let mut fields = List::EMPTY;
        for pair in pairs {
            let key = text.part(pair.key.start, pair.key.end);
            let mut part = text.part(pair.value.start, pair.value.end);
            if pair.form == Form::Escaped {
                part = arena.derive(part, json::unescape);
            }
            let value = match pair.form {
                Form::Absent if self.types.is_empty() => Value::Bool(true),
                _ if self.types.is_empty() => Value::Str(part),
                _ => {
                    let name = arena.bytes(key).to_vec();
                    self.typed(arena, &name, part)
                }
            };
            arena.push(&mut fields, key, value);
        }
        fields
    }

    fn typed(&self, arena: &Arena, name: &[u8], text: Span) -> Value {
        let is_time = self.time.as_ref().is_some_and(|rule| *rule.key == *name);
        match self.types.iter().find(|rule| rule.key.as_bytes() == name) {
            Some(rule) if !is_time => convert(arena, text, rule.r#type).unwrap_or_else(|| {
                warn!(
                    component = %self.component, parser = %self.name, key = %rule.key, wanted = ?rule.r#type,
                    "a value is not of its type and stays text"
                );
                Value::Str(text)
            }),
            _ => Value::Str(text),
        }
    }
}

/// Spares plain text the check for UTF-8 and the repair.
fn looks_like_object(text: &[u8]) -> bool {
    text.trim_ascii_start().first() == Some(&b'{')
}

impl TimeRule {
    fn build(
        config: &ParserConfig,
        key: &str,
        cx: &mut BuildContext<'_>,
    ) -> Result<Option<TimeRule>, engine::ConfigError> {
        let Some(pattern) = &config.time_format else { return Ok(None) };
        let (mut format, unknown) = TimeFormat::new(pattern, !config.time_strict);
        for specifier in unknown {
            cx.warn(
                key,
                format!(
                    "`{specifier}` in the time format of parser `{}` is not known, so no time fits it",
                    config.name
                ),
                "`%L` reads a fraction of a second, `%z` an offset",
            );
        }
        if let Some(offset) = &config.time_offset
            && !format.set_offset(offset)
        {
            return Err(cx.refuse(
                key,
                format!("`{offset}` is no offset"),
                "write it as `+0200` or `-05:30`",
            ));
        }
        if let Some(zone) = &config.time_zone
            && !format.set_zone(zone)
        {
            let message = format!("this machine has no time zone `{zone}`");
            return Err(cx.refuse(key, message, "use `time_offset`, or an image with zone files"));
        }
        let key = config.time_key.as_bytes().into();
        Ok(Some(TimeRule { key, pattern: pattern.clone(), format, keep: config.time_keep }))
    }

    /// The first field of that name, when it is text.
    fn find(&self, arena: &mut Arena, fields: List) -> Option<(NodeId, Span)> {
        let id = crate::fields::find_first(arena, fields, &self.key)?;
        let text = crate::fields::text_span(arena, arena.node(id).value)?;
        Some((id, text))
    }
}

#[cfg(test)]
mod tests;
