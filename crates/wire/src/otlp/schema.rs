//! What OTLP's messages look like: JSON is read and written by the table in `messages`.

mod choices;
mod messages;

use model::Signal;

use self::messages::{LOGS_REQUEST, METRICS_REQUEST, TRACE_REQUEST};

/// A message.
pub(super) struct Shape {
    pub name: &'static str,
    pub fields: &'static [Slot],
}

/// A field of a message.
pub(super) struct Slot {
    pub number: u32,
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// A number or text that is left out where it is zero or empty; a message that is left out where it is unset.
    Plain,
    /// Written whenever it is known: `optional`, or one of several of which a message has one.
    Known,
    Repeated,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Message(&'static Shape),
    Text,
    /// Base64 in JSON.
    Bytes,
    /// So many bytes or none, hexadecimal in JSON.
    Id(usize),
    Bool,
    Uint32,
    Sint32,
    Fixed32,
    Int64,
    Uint64,
    Fixed64,
    Sfixed64,
    Double,
    /// The names of 0, 1 and so on.
    Choice(&'static [&'static str]),
}

impl Shape {
    /// The field that JSON calls so, in camel case or as the definition spells it.
    pub fn named(&self, name: &str) -> Option<&'static Slot> {
        let is_snake = name.contains('_');
        let fits = |slot: &&Slot| slot.name == name || (is_snake && is_snake_of(slot.name, name));
        self.fields.iter().find(fits)
    }

    pub fn numbered(&self, number: u32) -> Option<&'static Slot> {
        self.fields.iter().find(|slot| slot.number == number)
    }
}

fn is_snake_of(camel: &str, snake: &str) -> bool {
    let mut rest = snake.bytes();
    camel.bytes().all(|letter| match letter.is_ascii_uppercase() {
        true => rest.next() == Some(b'_') && rest.next() == Some(letter.to_ascii_lowercase()),
        false => rest.next() == Some(letter),
    }) && rest.next().is_none()
}

/// The export request of a signal.
pub(super) fn request(signal: Signal) -> &'static Shape {
    match signal {
        Signal::Logs => &LOGS_REQUEST,
        Signal::Traces => &TRACE_REQUEST,
        Signal::Metrics => &METRICS_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::messages::*;

    #[test]
    fn names_are_found_in_either_spelling() {
        let number = |name: &str| EXPONENTIAL_POINT.named(name).map(|slot| slot.number);
        assert_eq!(number("zeroThreshold"), Some(14));
        assert_eq!(number("zero_threshold"), Some(14));
        assert_eq!(number("start_time_unix_nano"), Some(2));
        assert_eq!(number("zero_thresholds"), None);
        assert_eq!(number("zero_Threshold"), None);
        assert_eq!(number("zerothreshold"), None);
        assert_eq!(number(""), None);
    }

    #[test]
    fn fields_stand_in_order() {
        for shape in
            [&LOG_RECORD, &SPAN, &METRIC, &NUMBER_POINT, &HISTOGRAM_POINT, &EXPONENTIAL_POINT, &EXEMPLAR]
        {
            assert!(shape.fields.is_sorted_by(|a, b| a.number < b.number), "{}", shape.name);
        }
    }
}
