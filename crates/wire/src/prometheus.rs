//! Prometheus' exposition: the text format 0.0.4, OpenMetrics 1.0 and, in `protobuf`, the binary one; bytes to samples.
//!
//! [`Parser`] walks a page line by line and holds one sample at a time, so a page costs no memory but its own;
//! [`Families`] remembers what the page says of its families and finds the one a sample belongs to. One bad line
//! spoils the page, as Prometheus has it: what follows could be anything.
//! Sources: "Exposition formats" of Prometheus' documentation, OpenMetrics 1.0 (openmetrics.io).

mod family;
mod line;
pub mod native;
pub mod protobuf;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(crate) use family::part;
pub use family::{Families, Family, Part, ucum};

/// Which of the two text formats; they differ in escapes, units of time, and how a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    OpenMetrics,
}

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    Text(Format),
    /// Delimited messages; read with [`protobuf::Parser`].
    Protobuf,
}

impl Exposition {
    /// What a `Content-Type` names; `None` when it is none of them.
    pub fn of(content_type: &str) -> Option<Exposition> {
        let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
        match parts.next()?.as_str() {
            "application/openmetrics-text" => Some(Exposition::Text(Format::OpenMetrics)),
            "text/plain" => Some(Exposition::Text(Format::Text)),
            "application/vnd.google.protobuf" => {
                let other = |part: String| part.starts_with("encoding=") && part != "encoding=delimited";
                (!parts.any(other)).then_some(Exposition::Protobuf)
            }
            _ => None,
        }
    }
}

/// Reads a trace's or a span's id. False when the text is not as many bytes in hexadecimal; then the id stays as it was.
pub fn hex<const N: usize>(text: &[u8], id: &mut [u8; N]) -> bool {
    if text.len() != 2 * N || !text.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let digit = |letter: u8| char::from(letter).to_digit(16).unwrap_or(0) as u8;
    for (byte, letters) in id.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(letters[0]) << 4 | digit(letters[1]);
    }
    true
}

/// What a family is, after its `# TYPE` line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// `unknown` or `untyped`, or nothing was said.
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl Kind {
    /// OpenMetrics' word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Unknown => "unknown",
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::GaugeHistogram => "gaugehistogram",
            Kind::Summary => "summary",
            Kind::Info => "info",
            Kind::StateSet => "stateset",
        }
    }

    fn parse(word: &str) -> Option<Kind> {
        const KNOWN: [Kind; 8] = [
            Kind::Unknown,
            Kind::Counter,
            Kind::Gauge,
            Kind::Histogram,
            Kind::GaugeHistogram,
            Kind::Summary,
            Kind::Info,
            Kind::StateSet,
        ];
        let known = KNOWN.into_iter().find(|kind| kind.as_str() == word);
        known.or((word == "untyped").then_some(Kind::Unknown))
    }
}

/// A line that says something.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    Type {
        family: Cow<'a, str>,
        kind: Kind,
    },
    Help {
        family: Cow<'a, str>,
        text: Cow<'a, str>,
    },
    Unit {
        family: Cow<'a, str>,
        unit: &'a str,
    },
    /// [`Parser::sample`] has it.
    Sample,
}

/// A name and a value.
pub type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample<'a> {
    pub name: Cow<'a, str>,
    /// As written: unsorted, and a name may repeat.
    pub labels: Vec<Label<'a>>,
    pub value: f64,
    /// Nanoseconds since the epoch.
    pub timestamp: Option<i64>,
    pub exemplar: Option<Exemplar<'a>>,
    /// Since when it counts, in nanoseconds since the epoch. Text has a sample of its own for that.
    pub start: Option<i64>,
    /// In place of a value. Text has none.
    pub histogram: Option<Box<protobuf::NativeHistogram<'a>>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplar<'a> {
    pub labels: Vec<Label<'a>>,
    pub value: f64,
    /// Nanoseconds since the epoch.
    pub timestamp: Option<i64>,
}

/// The page cannot be read from this line on, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Malformed {
    pub line: u64,
    pub why: &'static str,
}

/// Reads a page from its start.
pub struct Parser<'a> {
    rest: &'a str,
    line: u64,
    format: Format,
    sample: Sample<'a>,
    ended: bool,
}

impl<'a> Parser<'a> {
    pub fn new(page: &'a [u8], format: Format) -> Result<Parser<'a>, Malformed> {
        let rest = simdutf8::basic::from_utf8(page).map_err(|_| Malformed { line: 1, why: "not UTF-8" })?;
        Ok(Parser { rest, line: 0, format, sample: Sample::default(), ended: false })
    }

    /// What was read last.
    pub fn sample(&self) -> &Sample<'a> {
        &self.sample
    }

    /// As `sample`, for a caller that wants to take it apart.
    pub fn sample_mut(&mut self) -> &mut Sample<'a> {
        &mut self.sample
    }

    /// The next line that says something, or `None` after the last one.
    pub fn advance(&mut self) -> Result<Option<Entry<'a>>, Malformed> {
        while !self.rest.is_empty() {
            let line = self.take_line();
            if self.ended {
                return Err(self.malformed("something follows `# EOF`"));
            }
            if let Some(entry) = self.entry(line).map_err(|why| self.malformed(why))? {
                return Ok(Some(entry));
            }
        }
        if self.format == Format::OpenMetrics && !self.ended {
            return Err(self.malformed("the page ends without `# EOF`, so some of it may be missing"));
        }
        Ok(None)
    }

    fn take_line(&mut self) -> &'a str {
        self.line += 1;
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, ""),
        };
        self.rest = rest;
        line.trim_matches([' ', '\t', '\r'])
    }

    fn entry(&mut self, line: &'a str) -> Result<Option<Entry<'a>>, &'static str> {
        if line.is_empty() {
            return Ok(None);
        }
        if let Some(comment) = line.strip_prefix('#') {
            if self.format == Format::OpenMetrics && comment == " EOF" {
                self.ended = true;
                return Ok(None);
            }
            return line::comment(comment, self.format);
        }
        line::sample(line, self.format, &mut self.sample)?;
        Ok(Some(Entry::Sample))
    }

    fn malformed(&self, why: &'static str) -> Malformed {
        Malformed { line: self.line, why }
    }
}
