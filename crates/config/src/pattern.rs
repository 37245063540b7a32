//! Regular expressions in Ruby's dialect, as Fluent Bit files write them, over bytes.
//!
//! A match never hangs: past [`BACKTRACK_LIMIT`] steps it counts as no match and [`Pattern::gave_up`] rises.
//! Input that is not UTF-8 is matched with each bad byte replaced by one control byte, so offsets hold and
//! captures are slices of the bytes that came in.

mod translate;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fancy_regex::{Regex, RegexBuilder, RegexInput};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Steps of backtracking one match may take: a few milliseconds.
const BACKTRACK_LIMIT: usize = 100_000;

/// Stands for a byte that is not UTF-8 while matching; no pattern looks for it.
const BAD_BYTE: u8 = 0x1a;

/// Cheap to clone. Equal when written alike.
#[derive(Clone)]
pub struct Pattern {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: String,
    regex: Regex,
    /// Named groups in the order they first appear, each with the groups that carry the name.
    names: Vec<(String, Vec<usize>)>,
    gave_up: AtomicU64,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("`{pattern}` is not a regular expression this program can run: {cause}")]
pub struct PatternError {
    pattern: String,
    cause: String,
}

impl PatternError {
    /// What is wrong with it, without the pattern.
    pub fn cause(&self) -> &str {
        &self.cause
    }
}

impl Pattern {
    pub fn new(source: &str) -> Result<Self, PatternError> {
        let translated = translate::from_ruby(source);
        let build = |ruby_quantifiers: bool| {
            RegexBuilder::new(&translated.pattern)
                .multi_line(true)
                .case_insensitive(translated.ignore_case)
                .dot_matches_new_line(translated.dot_all)
                .ignore_whitespace(translated.extended)
                .ignore_numbered_groups_when_named_groups_exist(true)
                .oniguruma_mode(ruby_quantifiers)
                .backtrack_limit(BACKTRACK_LIMIT)
                .build()
        };
        // Ruby's stacked quantifiers need a mode that makes every `^` slower, so it is the second try.
        let regex = build(false).or_else(|fault| build(true).map_err(|_| fault)).map_err(|fault| {
            PatternError { pattern: source.to_owned(), cause: first_line(&fault.to_string()) }
        })?;
        let mut names: Vec<(String, Vec<usize>)> = Vec::new();
        for (index, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            match names.iter_mut().find(|(known, _)| known == name) {
                Some((_, groups)) => groups.push(index),
                None => names.push((name.to_owned(), vec![index])),
            }
        }
        let compiled = Compiled { source: source.to_owned(), regex, names, gave_up: AtomicU64::new(0) };
        Ok(Pattern { compiled: Arc::new(compiled) })
    }

    /// As it was written, delimiters included.
    pub fn as_str(&self) -> &str {
        &self.compiled.source
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.settle(self.compiled.regex.is_match(matchable(text).as_ref()))
    }

    /// Fluent Bit's rule for tags: it must match from the first byte, though not to the end, and an empty
    /// match is none.
    pub fn matches_start(&self, text: &str) -> bool {
        let found = self.compiled.regex.find_input(RegexInput::new(text).anchored(true));
        self.settle(found).is_some_and(|found| found.start() == 0 && found.end() > 0)
    }

    /// The leftmost match and its groups.
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        let matchable = matchable(text);
        let found = self.settle(self.compiled.regex.captures(matchable.as_ref()))?;
        let spans = (0..found.len()).map(|group| found.get(group).map(|m| (m.start(), m.end()))).collect();
        Some(Captures { text, spans, compiled: Arc::clone(&self.compiled) })
    }

    /// Names of its groups, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.compiled.names.iter().map(|(name, _)| name.as_str())
    }

    /// How many matches were given up as too costly since it was compiled.
    pub fn gave_up(&self) -> u64 {
        self.compiled.gave_up.load(Ordering::Relaxed)
    }

    fn settle<T: Default>(&self, outcome: Result<T, fancy_regex::Error>) -> T {
        outcome.unwrap_or_else(|_| {
            self.compiled.gave_up.fetch_add(1, Ordering::Relaxed);
            T::default()
        })
    }
}

/// The groups of one match, as slices of the text that was searched.
pub struct Captures<'t> {
    text: &'t [u8],
    spans: Vec<Option<(usize, usize)>>,
    compiled: Arc<Compiled>,
}

impl<'t> Captures<'t> {
    /// Group 0 is the whole match. Plain groups are not numbered in a pattern that has named ones.
    pub fn get(&self, group: usize) -> Option<&'t [u8]> {
        let (start, end) = (*self.spans.get(group)?)?;
        self.text.get(start..end)
    }

    pub fn name(&self, name: &str) -> Option<&'t [u8]> {
        let (_, groups) = self.compiled.names.iter().find(|(known, _)| known == name)?;
        self.last_of(groups)
    }

    /// Named groups that took part in the match, in the order of the pattern.
    pub fn named(&self) -> impl Iterator<Item = (&str, &'t [u8])> {
        let names = self.compiled.names.iter();
        names.filter_map(|(name, groups)| Some((name.as_str(), self.last_of(groups)?)))
    }

    /// Where the whole match begins and ends.
    pub fn span(&self) -> (usize, usize) {
        self.spans.first().copied().flatten().unwrap_or_default()
    }

    fn last_of(&self, groups: &[usize]) -> Option<&'t [u8]> {
        groups.iter().rev().find_map(|group| self.get(*group))
    }
}

fn matchable(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Cow::Borrowed(text);
    }
    let mut repaired = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        repaired.push_str(chunk.valid());
        repaired.extend(chunk.invalid().iter().map(|_| char::from(BAD_BYTE)));
    }
    Cow::Owned(repaired)
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(text).to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.as_str())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(source: &str) -> Result<Self, PatternError> {
        Pattern::new(source)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pattern::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "regex" })
    }
}

#[cfg(test)]
mod tests;
