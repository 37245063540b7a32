//! One line: what a comment declares, and a sample with its labels.

use std::borrow::Cow;

use super::{Entry, Exemplar, Format, Kind, Label, Sample};

type Read<T> = Result<T, &'static str>;

/// `# TYPE`, `# HELP` and `# UNIT`; any other comment says nothing.
pub fn comment(text: &str, format: Format) -> Read<Option<Entry<'_>>> {
    let mut rest = Rest(text);
    rest.skip_space();
    let keyword = rest.word();
    if !matches!(keyword, "TYPE" | "HELP" | "UNIT") {
        return Ok(None);
    }
    rest.skip_space();
    let family = rest.name_or_quoted()?;
    rest.skip_space();
    let text = rest.0;
    Ok(Some(match keyword {
        "TYPE" => Entry::Type { family, kind: Kind::parse(text).ok_or("no known type of metric")? },
        "UNIT" if format == Format::OpenMetrics => Entry::Unit { family, unit: text },
        "HELP" => Entry::Help { family, text: unescaped(text, format == Format::OpenMetrics) },
        _ => return Ok(None),
    }))
}

/// `name{label="value",...} value [timestamp] [# {label="value"} value [timestamp]]`
pub fn sample<'a>(line: &'a str, format: Format, sample: &mut Sample<'a>) -> Read<()> {
    let mut rest = Rest(line);
    sample.labels.clear();
    sample.exemplar = None;
    sample.name = Cow::Borrowed(rest.word_until(&['{', ' ', '\t']));
    rest.skip_space();
    if rest.eat('{') {
        let quoted = rest.labels(&mut sample.labels)?;
        match (sample.name.is_empty(), quoted) {
            (true, Some(name)) => sample.name = name,
            (false, Some(_)) => return Err("a metric has two names"),
            (_, None) => {}
        }
        rest.skip_space();
    }
    if sample.name.is_empty() {
        return Err("a sample has no name");
    }
    sample.value = number(rest.word())?;
    rest.skip_space();
    sample.timestamp = rest.timestamp(format)?;
    if format == Format::OpenMetrics && rest.eat('#') {
        sample.exemplar = Some(exemplar(&mut rest)?);
    }
    if rest.0.is_empty() { Ok(()) } else { Err("something follows the sample") }
}

fn exemplar<'a>(rest: &mut Rest<'a>) -> Read<Exemplar<'a>> {
    let mut exemplar = Exemplar::default();
    rest.skip_space();
    if !rest.eat('{') {
        return Err("an exemplar has no labels");
    }
    if rest.labels(&mut exemplar.labels)?.is_some() {
        return Err("an exemplar has a name");
    }
    rest.skip_space();
    exemplar.value = number(rest.word())?;
    rest.skip_space();
    exemplar.timestamp = rest.timestamp(Format::OpenMetrics)?;
    Ok(exemplar)
}

/// As Go reads numbers, without its hexadecimal ones and its underscores.
fn number(word: &str) -> Read<f64> {
    word.parse().map_err(|_| "a value is no number")
}

/// What is left of a line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn eat(&mut self, expected: char) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn word_until(&mut self, ends: &[char]) -> &'a str {
        let (word, rest) = self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    fn word(&mut self) -> &'a str {
        self.word_until(&[' ', '\t'])
    }

    fn name_or_quoted(&mut self) -> Read<Cow<'a, str>> {
        if self.eat('"') { self.quoted() } else { Ok(Cow::Borrowed(self.word())) }
    }

    /// Milliseconds in the text format, seconds in OpenMetrics.
    fn timestamp(&mut self, format: Format) -> Read<Option<i64>> {
        if self.0.is_empty() || self.0.starts_with('#') {
            return Ok(None);
        }
        let word = self.word();
        self.skip_space();
        let nanoseconds = match format {
            Format::Text => word.parse::<i64>().ok().and_then(|millis| millis.checked_mul(1_000_000)),
            Format::OpenMetrics => seconds(word),
        };
        nanoseconds.map(Some).ok_or("a timestamp is no number, or too large")
    }

    /// Up to and with the closing brace. A name in quotes without a value is the metric's own.
    fn labels(&mut self, labels: &mut Vec<Label<'a>>) -> Read<Option<Cow<'a, str>>> {
        let mut metric = None;
        loop {
            self.skip_space();
            if self.eat('}') {
                return Ok(metric);
            }
            let in_quotes = self.0.starts_with('"');
            let name = match in_quotes {
                true => self.name_or_quoted()?,
                false => Cow::Borrowed(self.word_until(&['=', ' ', '\t', ',', '}', '"', '{'])),
            };
            self.skip_space();
            if self.eat('=') {
                let value = self.value()?;
                if name.is_empty() {
                    return Err("a label has no name");
                }
                labels.push((name, value));
            } else if in_quotes && metric.is_none() && labels.is_empty() {
                metric = Some(name);
            } else {
                return Err("a label has no value");
            }
            self.skip_space();
            if !self.eat(',') && !self.0.starts_with('}') {
                return Err("labels are not separated by a comma, or do not end");
            }
        }
    }

    /// A label's value, whose `=` is gone.
    fn value(&mut self) -> Read<Cow<'a, str>> {
        self.skip_space();
        if self.eat('"') { self.quoted() } else { Err("a label's value is not in quotes") }
    }

    /// Up to and with the closing quote, whose opening one is gone.
    fn quoted(&mut self) -> Read<Cow<'a, str>> {
        let mut from = 0;
        loop {
            let found = memchr::memchr2(b'"', b'\\', &self.0.as_bytes()[from..]);
            let at = from + found.ok_or("a quote does not end")?;
            if self.0.as_bytes()[at] == b'"' {
                let inside = &self.0[..at];
                self.0 = &self.0[at + 1..];
                return Ok(unescaped(inside, true));
            }
            // Whatever follows a backslash is not the end. It may be the first byte of several.
            from = at + 2;
            if from > self.0.len() {
                return Err("a quote does not end");
            }
        }
    }
}

/// Seconds as nanoseconds, exactly where they are written with a point rather than an exponent.
fn seconds(word: &str) -> Option<i64> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.is_empty() {
        let nanoseconds = word.parse::<f64>().ok()? * 1e9;
        return (nanoseconds.abs() < i64::MAX as f64).then_some(nanoseconds.round() as i64);
    }
    let nanoseconds = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = nanoseconds.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

/// Backslash escapes. A quote is one only where `quotes`; what is no escape stays as it is.
fn unescaped(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('\\') => out.push('\\'),
            Some('"') if quotes => out.push('"'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}
