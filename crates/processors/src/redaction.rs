//! Removes attributes that are not on a list, and masks values that look like what must not leave.
//!
//! ```yaml
//! redaction:
//!   allow_all_keys: true
//!   blocked_key_patterns: ['.*token.*', 'password']
//!   blocked_values: ['4[0-9]{12}(?:[0-9]{3})?', '[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}']
//!   summary: info
//! ```
//!
//! Attributes of resources, scopes, log records, spans with their events and links, data points and their exemplars, and the
//! bodies of log records. Unless `allow_all_keys` is set, a key must be in `allowed_keys`: with an empty list everything goes.
//! Of each key, in this order: one that is ignored stays as it is; one that is not allowed goes; a value that an
//! allowed value's expression finds stays; a blocked key's value is masked whole; then each match of a blocked value's
//! expression is masked. In a body that is a map, keys are told by their name or their path, with dots, at every depth. Points
//! that differ in nothing else may become alike.
//! The keys are those of the Collector's processor of this name.

mod summary;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use engine::{BuildContext, ConfigError, Processor};
use md5::{Digest, Md5};
use model::{Arena, Batch, List, NodeId, Value, json};
use ottl::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use sha1::Sha1;
use sha3::Sha3_256;

use crate::fields::at;
use summary::Seen;
pub use summary::Summary;

/// Stands for what was masked, unless a hash does.
const MASK: &[u8] = b"****";

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Keeps all keys; `allowed_keys` is not asked then.
    pub allow_all_keys: bool,
    /// Keys that stay.
    pub allowed_keys: Vec<String>,
    /// Keys that nothing is done to.
    pub ignored_keys: Vec<String>,
    /// Expressions that find keys that nothing is done to.
    pub ignored_key_patterns: Vec<String>,
    /// Expressions that find keys whose values are masked whole.
    pub blocked_key_patterns: Vec<String>,
    /// Expressions whose matches in values are masked.
    pub blocked_values: Vec<String>,
    /// Expressions that find values that stay as they are.
    pub allowed_values: Vec<String>,
    /// Looks into numbers, booleans, lists and maps as well, as text.
    pub redact_all_types: bool,
    /// Writes a hash of what was masked, in hexadecimal, instead of `****`.
    pub hash_function: HashFunction,
    /// Which attributes tell what was done.
    pub summary: Summary,
}

/// None of them hides what can be guessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HashFunction {
    #[default]
    #[serde(rename = "")]
    None,
    Md5,
    Sha1,
    /// SHA3-256.
    Sha3,
}

pub struct Redaction {
    /// `None` allows every key.
    allowed_keys: Option<HashSet<Vec<u8>>>,
    ignored_keys: HashSet<Vec<u8>>,
    ignored_key_patterns: Vec<Regex>,
    blocked_key_patterns: Vec<Regex>,
    blocked_values: Vec<Regex>,
    allowed_values: Vec<Regex>,
    redact_all_types: bool,
    hash_function: HashFunction,
    summary: Summary,
}

impl Processor for Redaction {
    const NAME: &'static str = "redaction";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let keys = |names: Vec<String>| names.into_iter().map(String::into_bytes).collect();
        // All lists are looked at before the first fault ends it, so that all faults are reported.
        let ignored_key_patterns = patterns(&config.ignored_key_patterns, "ignored_key_patterns", cx);
        let blocked_key_patterns = patterns(&config.blocked_key_patterns, "blocked_key_patterns", cx);
        let blocked_values = patterns(&config.blocked_values, "blocked_values", cx);
        let allowed_values = patterns(&config.allowed_values, "allowed_values", cx);
        Ok(Redaction {
            allowed_keys: (!config.allow_all_keys).then(|| keys(config.allowed_keys)),
            ignored_keys: keys(config.ignored_keys),
            ignored_key_patterns: ignored_key_patterns?,
            blocked_key_patterns: blocked_key_patterns?,
            blocked_values: blocked_values?,
            allowed_values: allowed_values?,
            redact_all_types: config.redact_all_types,
            hash_function: config.hash_function,
            summary: config.summary,
        })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let Batch { arena, resources, scopes, logs, spans, metrics, .. } = &mut batch;
        resources.iter_mut().for_each(|resource| self.attributes(arena, &mut resource.attributes));
        scopes.iter_mut().for_each(|scope| self.attributes(arena, &mut scope.attributes));
        for record in logs {
            self.attributes(arena, &mut record.attributes);
            let mut seen = Seen::default();
            record.body = self.body(arena, record.body, "", &mut seen);
            seen.tell(self.summary, "redaction.body", arena, &mut record.attributes);
        }
        for span in spans {
            self.attributes(arena, &mut span.attributes);
            span.events.iter_mut().for_each(|event| self.attributes(arena, &mut event.attributes));
            span.links.iter_mut().for_each(|link| self.attributes(arena, &mut link.attributes));
        }
        for point in metrics.iter_mut().flat_map(|metric| &mut metric.points) {
            self.attributes(arena, &mut point.attributes);
            // No summary: they are what was left out of the point's own.
            for exemplar in &mut point.exemplars {
                self.members(arena, &mut exemplar.attributes, None, &mut Seen::default());
            }
        }
        out.push(batch);
    }
}

fn patterns(texts: &[String], key: &str, cx: &mut BuildContext<'_>) -> Result<Vec<Regex>, ConfigError> {
    let compiled: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(place, text)| {
            ottl::regex(text)
                .map_err(|why| cx.refuse(key, at(place, why), "write a regular expression of RE2"))
        })
        .collect();
    compiled.into_iter().collect()
}

/// What is done to an entry.
enum Verdict {
    Ignore,
    Remove,
    Mask,
    Look,
}

impl Redaction {
    fn attributes(&self, arena: &mut Arena, list: &mut List) {
        let mut seen = Seen::default();
        self.members(arena, list, None, &mut seen);
        seen.tell(self.summary, "redaction", arena, list);
    }

    /// The entries of a list of attributes, or, with the way to it, of a map in a body.
    fn members(&self, arena: &mut Arena, list: &mut List, way: Option<&str>, seen: &mut Seen) {
        let ids: Vec<NodeId> = arena.iter(*list).map(|(id, _)| id).collect();
        let mut gone = Vec::new();
        for id in ids {
            let value = arena.node(id).value;
            let key = arena.key(id).to_vec();
            let path = joined(way.unwrap_or_default(), &key);
            match self.verdict(&key, path.as_bytes()) {
                Verdict::Ignore => seen.ignored += 1,
                Verdict::Remove => {
                    seen.redacted.push(path);
                    gone.push(id);
                }
                Verdict::Mask if self.is_allowed(arena, value) => seen.allowed.push(path),
                Verdict::Mask => {
                    let hidden = self.hidden(&text_of(arena, value));
                    let masked = Value::Str(arena.store(&hidden));
                    arena.set_value(id, masked);
                    seen.masked.push(path);
                }
                Verdict::Look if way.is_some() => {
                    let value = self.body(arena, value, &path, seen);
                    arena.set_value(id, value);
                }
                Verdict::Look => {
                    let value = self.scalar(arena, value, path, seen);
                    arena.set_value(id, value);
                }
            }
        }
        if !gone.is_empty() {
            arena.retain(list, |_, id| !gone.contains(&id));
        }
    }

    /// A body, or what lies in it. `path` is empty for the whole of it.
    fn body(&self, arena: &mut Arena, value: Value, path: &str, seen: &mut Seen) -> Value {
        match open(arena, value) {
            Value::Map(mut list) => {
                self.members(arena, &mut list, Some(path), seen);
                Value::Map(list)
            }
            Value::Array(list) => {
                let ids: Vec<NodeId> = arena.iter(list).map(|(id, _)| id).collect();
                for (place, id) in ids.into_iter().enumerate() {
                    let path = format!("{path}[{place}]");
                    let item = self.body(arena, arena.node(id).value, &path, seen);
                    arena.set_value(id, item);
                }
                Value::Array(list)
            }
            scalar => {
                let path = if path.is_empty() { "body" } else { path };
                self.scalar(arena, scalar, path.to_owned(), seen)
            }
        }
    }

    fn verdict(&self, key: &[u8], path: &[u8]) -> Verdict {
        let finds = |patterns: &[Regex]| patterns.iter().any(|p| p.is_match(key) || p.is_match(path));
        let holds = |keys: &HashSet<Vec<u8>>| keys.contains(key) || keys.contains(path);
        if holds(&self.ignored_keys) || finds(&self.ignored_key_patterns) {
            return Verdict::Ignore;
        }
        if self.allowed_keys.as_ref().is_some_and(|allowed| !holds(allowed)) {
            return Verdict::Remove;
        }
        if finds(&self.blocked_key_patterns) { Verdict::Mask } else { Verdict::Look }
    }

    fn is_allowed(&self, arena: &Arena, value: Value) -> bool {
        !self.allowed_values.is_empty() && {
            let text = text_of(arena, value);
            self.allowed_values.iter().any(|allowed| allowed.is_match(&text))
        }
    }

    /// The value, with what is blocked in it masked.
    fn scalar(&self, arena: &mut Arena, value: Value, path: String, seen: &mut Seen) -> Value {
        let is_text = arena.text(value).is_some();
        if value == Value::Null || !(is_text || self.redact_all_types) {
            return value;
        }
        if self.is_allowed(arena, value) {
            seen.allowed.push(path);
            return value;
        }
        let text = text_of(arena, value);
        let mut masked: Option<Vec<u8>> = None;
        for blocked in &self.blocked_values {
            if let Some(changed) = self.masked(blocked, masked.as_deref().unwrap_or(&text)) {
                masked = Some(changed);
            }
        }
        match masked {
            Some(masked) => {
                seen.masked.push(path);
                Value::Str(arena.store(&masked))
            }
            None => value,
        }
    }

    /// `None` where nothing is found.
    fn masked(&self, blocked: &Regex, text: &[u8]) -> Option<Vec<u8>> {
        let (mut out, mut from) = (Vec::new(), 0);
        for found in blocked.find_iter(text).filter(|found| !found.is_empty()) {
            out.extend_from_slice(&text[from..found.start()]);
            out.extend_from_slice(&self.hidden(&text[found.range()]));
            from = found.end();
        }
        if from == 0 {
            return None;
        }
        out.extend_from_slice(&text[from..]);
        Some(out)
    }

    fn hidden(&self, text: &[u8]) -> Vec<u8> {
        let hex =
            |hash: &[u8]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes();
        match self.hash_function {
            HashFunction::None => MASK.to_vec(),
            HashFunction::Md5 => hex(&Md5::digest(text)),
            HashFunction::Sha1 => hex(&Sha1::digest(text)),
            HashFunction::Sha3 => hex(&Sha3_256::digest(text)),
        }
    }
}

fn joined(way: &str, key: &[u8]) -> String {
    let key = String::from_utf8_lossy(key);
    if way.is_empty() { key.into_owned() } else { format!("{way}.{key}") }
}

/// Raw JSON as nodes where it is a map or a list; text and numbers stay as they are.
fn open(arena: &mut Arena, value: Value) -> Value {
    match value {
        Value::Json(span) if matches!(arena.bytes(span).first(), Some(b'{' | b'[')) => arena.expand(value),
        other => other,
    }
}

fn text_of(arena: &Arena, value: Value) -> Vec<u8> {
    match arena.text(value) {
        Some(text) => text.into_owned(),
        None => {
            let mut text = Vec::new();
            json::write_value(arena, value, &mut text);
            text
        }
    }
}
