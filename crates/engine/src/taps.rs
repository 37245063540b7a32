//! What passes a receiver, a step or a destination, for somebody who looks: the last records before and after it.
//!
//! A look lasts a few seconds and is prolonged by looking again. While nobody looks, each border costs a batch one
//! relaxed load; while somebody does, a batch now and then is rendered, never each.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Batch;
use tokio::time::Instant;

use crate::payload::Payload;
use crate::sample;

/// Records kept on each side of a border.
const KEPT: usize = 5;
/// How long a look lasts after it was asked for.
const LASTS: Duration = Duration::from_secs(15);
/// Least time between two batches that are rendered at one side of a border.
const EVERY: Duration = Duration::from_millis(200);
/// Borders looked at at once; the one that would end first makes room. With [`KEPT`] and [`sample::MAX_BYTES`] this
/// bounds what all samples hold to 2.5 MiB.
const MAX_WATCHED: usize = 8;
/// A payload larger than this, before compression, is not read for a sample.
const MAX_PAYLOAD_BYTES: u64 = 1 << 20;

/// What kind of place a border is: a receiver and a destination may have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    Receiver,
    Step,
    Destination,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// The last records on both sides of a border, newest first, each as JSON: a record as an object, or a text.
///
/// A receiver has nothing before it. After a destination are its requests, as `outrigger explain` shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    pub before: Vec<String>,
    pub after: Vec<String>,
}

/// All borders that somebody looks at.
#[derive(Debug, Default)]
pub struct Taps {
    /// Whether `watched` may hold something.
    on: AtomicBool,
    watched: Mutex<Vec<Watched>>,
}

#[derive(Debug)]
struct Watched {
    border: Border,
    id: String,
    until: Instant,
    before: Ring,
    after: Ring,
}

#[derive(Debug)]
struct Ring {
    /// Not before this is a batch rendered again.
    next: Instant,
    /// Newest first.
    samples: VecDeque<String>,
}

impl Ring {
    fn new(now: Instant) -> Ring {
        Ring { next: now, samples: VecDeque::new() }
    }

    /// `newer` come in their own order, so that records of a batch stand on both sides in the same one.
    fn push(&mut self, newer: Vec<String>) {
        newer.into_iter().rev().for_each(|sample| self.samples.push_front(sample));
        self.samples.truncate(KEPT);
    }
}

impl Watched {
    fn side(&mut self, side: Side) -> &mut Ring {
        match side {
            Side::Before => &mut self.before,
            Side::After => &mut self.after,
        }
    }
}

impl Taps {
    /// What was seen at a border since somebody looks at it: nothing at first. The look lasts for 15 s more.
    pub fn look(&self, border: Border, id: &str) -> Samples {
        let now = Instant::now();
        let mut watched = self.watched();
        watched.retain(|one| one.until > now);
        let until = now + LASTS;
        if let Some(one) = watched.iter_mut().find(|one| one.border == border && one.id == id) {
            one.until = until;
            let texts = |ring: &Ring| ring.samples.iter().cloned().collect();
            return Samples { before: texts(&one.before), after: texts(&one.after) };
        }
        if watched.len() == MAX_WATCHED {
            let first = (0..MAX_WATCHED).min_by_key(|place| watched[*place].until).unwrap_or_default();
            watched.swap_remove(first);
        }
        let (before, after) = (Ring::new(now), Ring::new(now));
        watched.push(Watched { border, id: id.to_owned(), until, before, after });
        self.on.store(true, Ordering::Relaxed);
        Samples::default()
    }

    /// Whether what passes here now is wanted. Whoever is told so renders it.
    #[inline]
    pub(crate) fn wants(&self, border: Border, id: &str, side: Side) -> bool {
        self.on.load(Ordering::Relaxed) && self.is_due(border, id, side)
    }

    #[cold]
    fn is_due(&self, border: Border, id: &str, side: Side) -> bool {
        let now = Instant::now();
        let mut watched = self.watched();
        watched.retain(|one| one.until > now);
        if watched.is_empty() {
            self.on.store(false, Ordering::Relaxed);
            return false;
        }
        let Some(one) = watched.iter_mut().find(|one| one.border == border && one.id == id) else {
            return false;
        };
        let ring = one.side(side);
        let is_due = ring.next <= now;
        if is_due {
            ring.next = now + EVERY;
        }
        is_due
    }

    /// Renders the first records of batches.
    pub(crate) fn keep(&self, border: Border, id: &str, side: Side, batches: &[Batch]) {
        let mut samples = Vec::new();
        for batch in batches {
            samples.extend(sample::records(batch, KEPT - samples.len()));
        }
        self.push(border, id, side, samples);
    }

    /// Takes a request as `show` writes it.
    pub(crate) fn keep_request(&self, id: &str, payload: &Payload, show: impl FnOnce() -> String) {
        let (records, bytes) = (payload.records, payload.raw_bytes);
        let request = if bytes <= MAX_PAYLOAD_BYTES { show() } else { String::new() };
        let text = match request.trim() {
            "" if bytes > MAX_PAYLOAD_BYTES => {
                format!("{records} records in {bytes} bytes, too large to show")
            }
            "" => format!("{records} records, of which nothing is sent"),
            _ => request,
        };
        self.push(Border::Destination, id, Side::After, vec![sample::text(&text)]);
    }

    fn push(&self, border: Border, id: &str, side: Side, samples: Vec<String>) {
        let mut watched = self.watched();
        if let Some(one) = watched.iter_mut().find(|one| one.border == border && one.id == id) {
            one.side(side).push(samples);
        }
    }

    fn watched(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that all samples hold.
    #[cfg(test)]
    fn held_bytes(&self) -> usize {
        let of = |ring: &Ring| ring.samples.iter().map(String::len).sum::<usize>();
        self.watched().iter().map(|one| of(&one.before) + of(&one.after)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::batch;

    fn pass(taps: &Taps, id: &str, lines: &[&str]) {
        if taps.wants(Border::Step, id, Side::Before) {
            taps.keep(Border::Step, id, Side::Before, &[batch("app", lines)]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tap_that_nobody_looks_at_stores_nothing_and_goes_off_by_itself() {
        let taps = Taps::default();
        pass(&taps, "a", &[r#"{"log":"1"}"#]);
        assert_eq!((taps.held_bytes(), taps.on.load(Ordering::Relaxed)), (0, false));

        assert_eq!(taps.look(Border::Step, "a"), Samples::default());
        pass(&taps, "a", &[r#"{"log":"2"}"#]);
        pass(&taps, "b", &[r#"{"log":"3"}"#]);
        assert_eq!(taps.look(Border::Step, "b"), Samples::default());
        let seen = taps.look(Border::Step, "a");
        assert!(matches!(&seen.before[..], [one] if one.contains(r#""log":"2""#)), "{seen:?}");

        tokio::time::advance(LASTS).await;
        pass(&taps, "a", &[r#"{"log":"4"}"#]);
        assert_eq!((taps.held_bytes(), taps.on.load(Ordering::Relaxed)), (0, false));
        assert_eq!(taps.look(Border::Step, "a"), Samples::default());
    }

    #[tokio::test(start_paused = true)]
    async fn looking_again_prolongs_the_look() {
        let taps = Taps::default();
        taps.look(Border::Step, "a");
        for _ in 0..4 {
            tokio::time::advance(LASTS - Duration::from_secs(1)).await;
            taps.look(Border::Step, "a");
        }
        pass(&taps, "a", &[r#"{"log":"late"}"#]);
        assert_eq!(taps.look(Border::Step, "a").before.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_stand_first_and_a_batch_now_and_then_is_enough() {
        let taps = Taps::default();
        taps.look(Border::Step, "a");
        pass(&taps, "a", &[r#"{"n":1}"#, r#"{"n":2}"#]);
        pass(&taps, "a", &[r#"{"n":3}"#]);
        tokio::time::advance(EVERY).await;
        pass(&taps, "a", &[r#"{"n":4}"#]);
        let bodies: Vec<i64> = taps.look(Border::Step, "a").before.iter().map(|text| number(text)).collect();
        assert_eq!(bodies, [4, 1, 2]);
    }

    fn number(text: &str) -> i64 {
        let record: serde_json::Value = serde_json::from_str(text).expect("JSON");
        record["body"]["n"].as_i64().expect("a number")
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_bounded() {
        let taps = Taps::default();
        let long = format!(r#"{{"log":"{}","more":"{}"}}"#, "x".repeat(200_000), "\\u0001".repeat(50_000));
        for border in 0..3 * MAX_WATCHED {
            let id = format!("step.{border}");
            taps.look(Border::Step, &id);
            for _ in 0..2 {
                pass(&taps, &id, &[&long, &long, &long, &long, &long, &long, &long]);
                tokio::time::advance(EVERY).await;
            }
        }
        assert!(taps.held_bytes() <= MAX_WATCHED * KEPT * sample::MAX_BYTES, "{}", taps.held_bytes());
        assert!(taps.held_bytes() > MAX_WATCHED * KEPT * 1000, "{}", taps.held_bytes());
        assert_eq!(taps.watched().len(), MAX_WATCHED);
        // A request that is too large is not even rendered.
        let id = format!("step.{}", 3 * MAX_WATCHED - 1);
        assert_eq!(taps.look(Border::Step, &id).before.len(), KEPT);
        taps.look(Border::Destination, "out");
        let payload = |raw_bytes| Payload::new("", "", 7, raw_bytes);
        taps.keep_request("out", &payload(0), String::new);
        taps.keep_request("out", &payload(MAX_PAYLOAD_BYTES + 1), || unreachable!("bug: it was rendered"));
        taps.keep_request("out", &payload(10), || "y".repeat(1 << 20));
        let after = taps.look(Border::Destination, "out").after;
        assert!(after[0].len() <= sample::MAX_BYTES && after[0].contains("bytes left out"), "{after:?}");
        assert_eq!(after[1], r#""7 records in 1048577 bytes, too large to show""#);
        assert_eq!(after[2], r#""7 records, of which nothing is sent""#);
    }
}
