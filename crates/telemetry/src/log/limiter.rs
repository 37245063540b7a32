//! Keeps back what repeats: a destination that is down must not fill the log that reports it.
//!
//! Lines are alike when they come from the same place in the code for the same component. Of those a few
//! pass in each period; the rest are counted and told at its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

use super::line::Line;

const PERIOD: Duration = Duration::from_secs(30);

/// Alike lines that pass in a period. Enough to see whether they differ in their fields.
const PASS: u64 = 5;

/// Kinds of lines watched. There are fewer places that log than this, times a few components.
const MAX_KINDS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Limiter {
    kinds: HashMap<(Identifier, Option<String>), Kind>,
    next_look: Option<Instant>,
}

#[derive(Debug)]
struct Kind {
    since: Instant,
    seen: u64,
    level: Level,
    target: &'static str,
    message: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Write,
    Keep,
}

/// Lines that were not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) level: Level,
    pub(super) target: &'static str,
    pub(super) message: String,
    pub(super) component: Option<String>,
    pub(super) count: u64,
}

impl Limiter {
    pub(super) fn see(&mut self, metadata: &'static Metadata<'static>, line: &Line, now: Instant) -> Verdict {
        let key = (metadata.callsite(), line.component().map(str::to_owned));
        if self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&key) {
            return Verdict::Write;
        }
        let kind = self.kinds.entry(key).or_insert_with(|| Kind {
            since: now,
            seen: 0,
            level: *metadata.level(),
            target: metadata.target(),
            message: line.message().to_owned(),
        });
        // A period that ended without excess begins anew; one with excess is ended by `ended`.
        if now.duration_since(kind.since) >= PERIOD && kind.seen <= PASS {
            (kind.since, kind.seen) = (now, 0);
        }
        kind.seen += 1;
        if kind.seen <= PASS { Verdict::Write } else { Verdict::Keep }
    }

    /// Takes the counts of periods that are over, or of all. Looks no more than once a second.
    pub(super) fn ended(&mut self, now: Instant, all: bool) -> Vec<Kept> {
        if !all && self.next_look.is_some_and(|at| now < at) {
            return Vec::new();
        }
        self.next_look = Some(now + Duration::from_secs(1));
        let mut kept = Vec::new();
        self.kinds.retain(|(_, component), kind| {
            let over = now.duration_since(kind.since) >= PERIOD;
            if (over || all) && kind.seen > PASS {
                kept.push(Kept {
                    level: kind.level,
                    target: kind.target,
                    message: kind.message.clone(),
                    component: component.clone(),
                    count: kind.seen - PASS,
                });
                // Told, but the period goes on if it is not over: the line has not earned new room.
                kind.seen = PASS;
            }
            !over
        });
        kept
    }
}
