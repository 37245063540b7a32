//! Looking into a body of PutLogEvents: to sort it, to halve it, to tell the time of an event.

use std::ops::Range;

use engine::Payload;
use model::json;

/// A body's events.
pub struct Events<'a> {
    body: &'a [u8],
    /// Without the brackets.
    list: Range<usize>,
    each: Vec<Range<usize>>,
}

impl<'a> Events<'a> {
    pub fn of(body: &'a [u8]) -> Option<Self> {
        let mut list = None;
        json::members(body, |member| {
            if body[member.key.clone()] == *b"logEvents" {
                list = Some(member.value);
            }
        })
        .ok()?;
        let list = list?;
        let mut each = Vec::new();
        json::items(&body[list.clone()], |item| each.push(list.start + item.start..list.start + item.end))
            .ok()?;
        Some(Events { body, list: list.start + 1..list.end - 1, each })
    }

    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Milliseconds since the epoch.
    pub fn time(&self, place: usize) -> Option<u64> {
        let event = &self.body[self.each.get(place)?.clone()];
        let digits = event.strip_prefix(b"{\"timestamp\":")?;
        let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
    }

    /// A body with these events, in this order.
    fn with(&self, events: impl Iterator<Item = usize>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len());
        out.extend_from_slice(&self.body[..self.list.start]);
        for (place, event) in events.enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&self.body[self.each[event].clone()]);
        }
        out.extend_from_slice(&self.body[self.list.end..]);
        out
    }
}

/// The body with its events in the order of their times, those of one time as they came.
pub fn sorted(body: &[u8]) -> Option<Vec<u8>> {
    let events = Events::of(body)?;
    let mut order: Vec<(u64, usize)> =
        (0..events.len()).map(|place| Some((events.time(place)?, place))).collect::<Option<_>>()?;
    order.sort_unstable();
    Some(events.with(order.into_iter().map(|(_, place)| place)))
}

/// Two payloads with half of the events each.
pub fn halve(payload: &Payload) -> Option<(Payload, Payload)> {
    let body = payload.wire().ok()?;
    let events = Events::of(&body)?;
    let middle = events.len() / 2;
    let part = |range: Range<usize>| {
        let (records, part) = (range.len() as u64, events.with(range));
        let raw_bytes = part.len() as u64;
        (records > 0).then(|| Payload::new(part, payload.route.clone(), records, raw_bytes))
    };
    Some((part(0..middle)?, part(middle..events.len())?))
}
