//! Operators that turn text into fields: JSON, expressions with groups, keys and values, CSV.

use model::{Arena, Batch, List, Span, Value};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::build::Refusal;
use super::entry::Entry;
use super::field::Field;
use super::severity::{self, SeverityParser};
use super::time::{self, TimeParser};
use super::trace::{self, TraceParser};
use super::{Flow, Operator};

/// A format.
pub(super) trait Read: Send {
    /// The fields in a text; the error tells why there are none.
    fn read(&self, arena: &mut Arena, text: Span) -> Result<List, String>;
}

/// What every parser may have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Around {
    parse_from: Option<Field>,
    parse_to: Option<Field>,
    timestamp: Option<time::Config>,
    severity: Option<severity::Config>,
    trace: Option<trace::Config>,
}

pub(super) struct Parser {
    from: Field,
    to: Field,
    reader: Box<dyn Read>,
    /// `timestamp`, `severity` and `trace`.
    then: Vec<Box<dyn Operator>>,
}

impl Parser {
    pub fn new(around: Around, reader: Box<dyn Read>) -> Result<Parser, Refusal> {
        let mut then: Vec<Box<dyn Operator>> = Vec::new();
        if let Some(time) = around.timestamp {
            then.push(Box::new(TimeParser::new(time)?));
        }
        if let Some(severity) = around.severity {
            then.push(Box::new(SeverityParser::new(severity)?));
        }
        if let Some(trace) = around.trace {
            then.push(Box::new(TraceParser::new(trace)));
        }
        let from = around.parse_from.unwrap_or_else(Field::body);
        let to = around.parse_to.unwrap_or_else(Field::attributes);
        Ok(Parser { from, to, reader, then })
    }
}

impl Operator for Parser {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let text = self.from.text(batch, entry)?;
        let fields = self.reader.read(&mut batch.arena, text)?;
        self.to.set(batch, entry, Value::Map(fields))?;
        for operator in &mut self.then {
            operator.apply(batch, entry)?;
        }
        Ok(Flow::On)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct JsonConfig {
    /// Whole numbers stay whole, whatever this says.
    #[serde(default, rename = "parse_ints")]
    _parse_ints: bool,
}

pub(super) struct Json;

impl Json {
    pub fn new(_: JsonConfig) -> Result<Json, Refusal> {
        Ok(Json)
    }
}

impl Read for Json {
    fn read(&self, arena: &mut Arena, text: Span) -> Result<List, String> {
        arena.parse_object(text).map_err(|place| format!("it is no JSON object, from byte {place} on"))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RegexConfig {
    regex: String,
    /// Expressions are fast enough without.
    #[serde(default, rename = "cache")]
    _cache: Option<IgnoredAny>,
}

pub(super) struct Regex {
    regex: ottl::Regex,
    /// Groups with their names.
    names: Vec<(usize, String)>,
}

impl Regex {
    pub fn new(config: RegexConfig) -> Result<Regex, Refusal> {
        let regex = ottl::regex(&config.regex).map_err(|why| {
            (format!("`regex`: `{}` is no regular expression: {why}", config.regex), "RE2's syntax is known")
        })?;
        let named = |(_, group, name): (_, usize, Option<&str>)| Some((group, name?.to_owned()));
        let names: Vec<_> = regex.group_info().all_names().filter_map(named).collect();
        if names.is_empty() {
            return Err(("`regex` has no named group, so nothing is read".into(), "write `(?P<name>…)`"));
        }
        Ok(Regex { regex, names })
    }
}

impl Read for Regex {
    fn read(&self, arena: &mut Arena, text: Span) -> Result<List, String> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(arena.bytes(text), &mut captures);
        if !captures.is_match() {
            return Err("the text does not match `regex`".to_owned());
        }
        let mut fields = List::EMPTY;
        for (group, name) in &self.names {
            let found = captures.get_group(*group);
            let value = found.map_or(Span::EMPTY, |found| text.part(found.start, found.end));
            arena.set(&mut fields, name.as_bytes(), Value::Str(value));
        }
        Ok(fields)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct KeyValueConfig {
    #[serde(default = "equals")]
    delimiter: String,
    #[serde(default = "blank")]
    pair_delimiter: String,
}

fn equals() -> String {
    "=".into()
}

fn blank() -> String {
    " ".into()
}

pub(super) struct KeyValue {
    delimiter: Vec<u8>,
    pair_delimiter: Vec<u8>,
}

impl KeyValue {
    pub fn new(config: KeyValueConfig) -> Result<KeyValue, Refusal> {
        if config.delimiter.is_empty() || config.delimiter == config.pair_delimiter {
            let why = "`delimiter` and `pair_delimiter` must be two different texts".to_owned();
            return Err((why, "the defaults are `=` and a blank"));
        }
        let (delimiter, pair_delimiter) = (config.delimiter.into_bytes(), config.pair_delimiter.into_bytes());
        Ok(KeyValue { delimiter, pair_delimiter })
    }
}

impl Read for KeyValue {
    fn read(&self, arena: &mut Arena, text: Span) -> Result<List, String> {
        let mut fields = List::EMPTY;
        for pair in outside_quotes(arena.bytes(text), &self.pair_delimiter) {
            let pair = text.part(pair.start, pair.end);
            let bytes = arena.bytes(pair);
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let place = find(bytes, &self.delimiter).ok_or_else(|| {
                let (pair, sign) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&self.delimiter));
                format!("`{pair}` has no `{sign}` in it")
            })?;
            let key = bare(bytes, 0..place);
            let value = bare(bytes, place + self.delimiter.len()..bytes.len());
            let key = arena.bytes(pair.part(key.start, key.end)).to_vec();
            arena.set(&mut fields, &key, Value::Str(pair.part(value.start, value.end)));
        }
        if fields.is_empty() { Err("the text has no keys and values".to_owned()) } else { Ok(fields) }
    }
}

fn find(text: &[u8], sign: &[u8]) -> Option<usize> {
    text.windows(sign.len()).position(|part| part == sign)
}

/// The parts of a text between delimiters that stand outside of quotes.
fn outside_quotes(text: &[u8], delimiter: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut parts, mut start, mut at, mut quote) = (Vec::new(), 0, 0, None);
    while at < text.len() {
        match (quote, text[at]) {
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, _) if !delimiter.is_empty() && text[at..].starts_with(delimiter) => {
                parts.push(start..at);
                at += delimiter.len();
                start = at;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(start..text.len());
    parts
}

/// Without blanks and quotes around it.
fn bare(text: &[u8], range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let part = &text[range.clone()];
    let mut start = range.start + part.len() - part.trim_ascii_start().len();
    let mut end = start + part.trim_ascii().len();
    if let [first @ (b'"' | b'\''), .., last] = text[start..end]
        && first == last
    {
        (start, end) = (start + 1, end - 1);
    }
    start..end
}

#[derive(Debug, Deserialize)]
pub(super) struct CsvConfig {
    header: String,
    #[serde(default)]
    delimiter: Option<String>,
    #[serde(default)]
    header_delimiter: Option<String>,
    #[serde(default)]
    lazy_quotes: bool,
    #[serde(default)]
    ignore_quotes: bool,
}

pub(super) struct Csv {
    names: Vec<String>,
    delimiter: u8,
    lazy_quotes: bool,
    ignore_quotes: bool,
}

impl Csv {
    pub fn new(config: CsvConfig) -> Result<Csv, Refusal> {
        let one = |name: &str, text: &Option<String>, usual: u8| match text.as_deref().map(str::as_bytes) {
            None => Ok(usual),
            Some([byte]) => Ok(*byte),
            Some(_) => Err((format!("`{name}` must be one character"), "the default is a comma")),
        };
        let delimiter = one("delimiter", &config.delimiter, b',')?;
        let between = one("header_delimiter", &config.header_delimiter, delimiter)?;
        if config.lazy_quotes && config.ignore_quotes {
            return Err(("only one of `lazy_quotes` and `ignore_quotes` may be set".into(), "leave one out"));
        }
        let names: Vec<String> = config.header.split(char::from(between)).map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(("`header` has a column without a name".into(), "name each column"));
        }
        let (lazy_quotes, ignore_quotes) = (config.lazy_quotes, config.ignore_quotes);
        Ok(Csv { names, delimiter, lazy_quotes, ignore_quotes })
    }

    fn values(&self, text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        if self.ignore_quotes {
            return Ok(text.split(|byte| *byte == self.delimiter).map(<[u8]>::to_vec).collect());
        }
        let (mut values, mut value, mut quoted, mut at) = (Vec::new(), Vec::new(), false, 0);
        while at < text.len() {
            match text[at] {
                b'"' if quoted && text.get(at + 1) == Some(&b'"') => {
                    value.push(b'"');
                    at += 1;
                }
                b'"' if quoted => {
                    let ends = text.get(at + 1).is_none_or(|next| *next == self.delimiter);
                    match (ends, self.lazy_quotes) {
                        (true, _) => quoted = false,
                        (false, true) => value.push(b'"'),
                        (false, false) => return Err(format!("a quote stands alone at byte {at}")),
                    }
                }
                b'"' if value.is_empty() => quoted = true,
                b'"' if !self.lazy_quotes => return Err(format!("a quote stands alone at byte {at}")),
                byte if byte == self.delimiter && !quoted => values.push(std::mem::take(&mut value)),
                byte => value.push(byte),
            }
            at += 1;
        }
        if quoted && !self.lazy_quotes {
            return Err("a quote is not closed".to_owned());
        }
        values.push(value);
        Ok(values)
    }
}

impl Read for Csv {
    fn read(&self, arena: &mut Arena, text: Span) -> Result<List, String> {
        let values = self.values(arena.bytes(text))?;
        if values.len() != self.names.len() {
            return Err(format!("there are {} values for {} columns", values.len(), self.names.len()));
        }
        let mut fields = List::EMPTY;
        for (name, value) in self.names.iter().zip(values) {
            let value = Value::Str(arena.store(&value));
            arena.set(&mut fields, name.as_bytes(), value);
        }
        Ok(fields)
    }
}
