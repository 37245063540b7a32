//! Lets a share of spans and log records through, all of a trace or none of it.
//!
//! ```yaml
//! probabilistic_sampler:
//!   sampling_percentage: 15
//!   hash_seed: 22
//! ```
//!
//! What decides is a hash of the trace id, so several instances with one `hash_seed` decide alike. A span whose attribute
//! `sampling.priority` is 0 goes, one where it is greater stays. Log records without a trace id are judged by the
//! attribute that `from_attribute` names. Data points pass. What goes is counted as filtered.
//! The keys are those of the Collector's processor of this name, and so are its decisions in the mode `hash_seed`, the
//! only one here; the threshold is not written into spans and records.

use engine::{BuildContext, ConfigError, Processor};
use model::{Arena, Batch, List, LogRecord, Reason, TraceSpan, Value};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many of a hundred pass: 0 is none, 100 and more are all.
    pub sampling_percentage: f32,
    /// How it is decided: `hash_seed`.
    pub mode: String,
    /// Instances that share it decide alike; tiers that sample again need another.
    pub hash_seed: u32,
    /// Whether that goes of which nothing can be hashed; else it stays.
    pub fail_closed: bool,
    /// Digits of the threshold, in other modes.
    pub sampling_precision: u8,
    /// What of a log record is hashed: its trace id first, or only the attribute.
    pub attribute_source: Source,
    /// The attribute that is hashed where there is no trace id.
    pub from_attribute: String,
    /// An attribute of log records with a percentage; where it is higher than `sampling_percentage`, it holds.
    pub sampling_priority: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Source {
    /// `traceID`.
    #[default]
    #[serde(rename = "traceID")]
    TraceId,
    /// `record`.
    #[serde(rename = "record")]
    Record,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sampling_percentage: 0.0,
            mode: String::new(),
            hash_seed: 0,
            fail_closed: true,
            sampling_precision: 4,
            attribute_source: Source::default(),
            from_attribute: String::new(),
            sampling_priority: String::new(),
        }
    }
}

/// Hashes fall into so many buckets, a power of two.
const BUCKETS: u32 = 1 << 14;

pub struct ProbabilisticSampler {
    config: Config,
    /// Buckets that pass, of [`BUCKETS`].
    passing: u32,
}

impl Processor for ProbabilisticSampler {
    const NAME: &'static str = "probabilistic_sampler";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.sampling_percentage.is_nan() || config.sampling_percentage < 0.0 {
            return Err(cx.refuse("sampling_percentage", "a share is not negative", "write 0 to 100"));
        }
        if !matches!(config.mode.as_str(), "" | "hash_seed") {
            let message = format!("there is no mode `{}` here", config.mode);
            return Err(cx.refuse("mode", message, "use `hash_seed`, or leave it out"));
        }
        let passing = passing(config.sampling_percentage);
        Ok(ProbabilisticSampler { config, passing })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        batch.retain(|arena, record| match self.keeps_record(arena, record) {
            true => Ok(()),
            false => Err(Reason::Filtered),
        });
        let mut spans = std::mem::take(&mut batch.spans);
        let before = spans.len();
        spans.retain(|span| self.keeps_span(&batch.arena, span));
        batch.discard(Reason::Filtered, (before - spans.len()) as u64);
        batch.spans = spans;
        out.push(batch);
    }
}

impl ProbabilisticSampler {
    fn keeps_span(&self, arena: &Arena, span: &TraceSpan) -> bool {
        match number(arena, span.attributes, b"sampling.priority") {
            Some(priority) if priority > 0.0 => true,
            Some(0.0) => false,
            _ if span.trace_id == [0; 16] => !self.config.fail_closed,
            _ => self.bucket(&span.trace_id) < self.passing,
        }
    }

    fn keeps_record(&self, arena: &Arena, record: &LogRecord) -> bool {
        let mut most = self.passing;
        let name = self.config.sampling_priority.as_bytes();
        if !name.is_empty()
            && let Some(priority) = number(arena, record.attributes, name)
        {
            most = most.max(passing(priority as f32));
        }
        match self.bucket_of_record(arena, record) {
            Some(bucket) => bucket < most,
            None => !self.config.fail_closed || most > self.passing,
        }
    }

    /// `None` where there is nothing to hash.
    fn bucket_of_record(&self, arena: &Arena, record: &LogRecord) -> Option<u32> {
        if self.config.attribute_source == Source::TraceId && record.trace_id != [0; 16] {
            return Some(self.bucket(&record.trace_id));
        }
        let value = arena.get(record.attributes, self.config.from_attribute.as_bytes())?;
        let text = match value {
            Value::Double(double) => double.to_string().into_bytes(),
            _ => match arena.text(value) {
                Some(text) => text.into_owned(),
                None => {
                    let mut text = Vec::new();
                    model::json::write_value(arena, value, &mut text);
                    text
                }
            },
        };
        (!text.is_empty()).then(|| self.bucket(&text))
    }

    fn bucket(&self, bytes: &[u8]) -> u32 {
        hash(self.config.hash_seed, bytes) % BUCKETS
    }
}

/// FNV-1a in 32 bits over the seed, its lowest byte first, and what follows.
fn hash(seed: u32, bytes: &[u8]) -> u32 {
    let all = seed.to_le_bytes().into_iter().chain(bytes.iter().copied());
    all.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Buckets for a percentage, rounded down as the Collector does, in single precision.
fn passing(percentage: f32) -> u32 {
    // What is no number stays none, and is converted to zero.
    (percentage.clamp(0.0, 100.0) * (BUCKETS as f32 / 100.0)) as u32
}

/// A number, or text that tells one.
fn number(arena: &Arena, attributes: List, key: &[u8]) -> Option<f64> {
    match arena.get(attributes, key)? {
        Value::Int(int) => Some(int as f64),
        Value::Uint(int) => Some(int as f64),
        Value::Double(double) => Some(double),
        other => std::str::from_utf8(&arena.text(other)?).ok()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
