//! Records out of text: JSON values that follow each other, or pieces between separators.
//!
//! [`Splitter`] is fed reads of a connection or a file, keeps what is cut off for the next one, and holds no
//! piece longer than allowed. The read buffer becomes the arena, and JSON members stay the bytes they came as.

mod json;
mod pieces;

use std::ops::Range;

use model::{Arena, Batch, List, LogRecord, Reason, Span, Tag, Value};

pub use json::{from_document, push_json};

use crate::{Refused, add_refusal};

/// What the text is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// JSON objects, white space or nothing between them.
    Json,
    /// Any text between separators; each piece becomes `{"log": piece}`, empty ones are passed over.
    Pieces { separator: Vec<u8> },
}

/// The state of one connection between two reads.
#[derive(Debug)]
pub struct Splitter {
    form: Form,
    max_bytes: usize,
    /// The begun piece.
    rest: Vec<u8>,
    finder: json::Finder,
    /// The begun piece is too long: its bytes are dropped as they come.
    dropped: u64,
}

/// What came out of one read.
#[derive(Debug)]
pub struct Split {
    pub batch: Batch,
    pub refused: Vec<Refused>,
}

/// A piece of the input, found by one of the forms.
enum Found {
    Record(Range<usize>),
    Wrong(Range<usize>),
}

impl Splitter {
    pub fn new(form: Form, max_bytes: usize) -> Splitter {
        Splitter { form, max_bytes, rest: Vec::new(), finder: json::Finder::default(), dropped: 0 }
    }

    /// The buffer to append the next read to: it starts with the begun piece.
    pub fn take_buffer(&mut self) -> Vec<u8> {
        let mut buffer = model::buffer();
        buffer.append(&mut std::mem::take(&mut self.rest));
        buffer
    }

    /// Bytes of the begun piece.
    pub fn held(&self) -> usize {
        self.rest.len()
    }

    /// Takes in a buffer got from [`Splitter::take_buffer`] with what was read appended to it.
    pub fn split(&mut self, input: Vec<u8>, tag: Tag, now: u64) -> Split {
        let mut found = Vec::new();
        let end = match &self.form {
            Form::Json => self.finder.find(&input, &mut found),
            Form::Pieces { separator } => pieces::find(&input, separator, &mut found),
        };
        self.rest = input[end..].to_vec();
        let mut refused = Vec::new();
        if self.dropped > 0 && !found.is_empty() {
            self.end_of_dropped(&mut found, &mut refused);
        }
        if self.rest.len() > self.max_bytes {
            self.drop_rest();
        }
        self.finder.rest_starts_at(self.rest.len());
        let mut batch = Batch::new(tag, input);
        found.into_iter().for_each(|piece| self.take(piece, now, &mut batch, &mut refused));
        Split { batch, refused }
    }

    /// The input ended: the last piece needs no separator, but half a JSON value is lost.
    pub fn finish(&mut self, tag: Tag, now: u64) -> Split {
        let mut refused = Vec::new();
        if self.dropped > 0 {
            self.end_of_dropped(&mut Vec::new(), &mut refused);
        }
        let input = std::mem::take(&mut self.rest);
        let whole = 0..input.len();
        let found = match self.form {
            _ if input.iter().all(u8::is_ascii_whitespace) => None,
            Form::Json => Some(Found::Wrong(whole)),
            Form::Pieces { .. } => Some(Found::Record(whole)),
        };
        let mut batch = Batch::new(tag, input);
        found.into_iter().for_each(|piece| self.take(piece, now, &mut batch, &mut refused));
        self.finder = json::Finder::default();
        Split { batch, refused }
    }

    fn drop_rest(&mut self) {
        // A separator may have begun.
        let kept = match &self.form {
            Form::Json => 0,
            Form::Pieces { separator } => separator.len().saturating_sub(1),
        };
        let gone = self.rest.len().saturating_sub(kept);
        self.dropped += gone as u64;
        self.rest = self.rest.split_off(gone);
    }

    /// The first piece found is the end of the one that was dropped.
    fn end_of_dropped(&mut self, found: &mut Vec<Found>, refused: &mut Vec<Refused>) {
        let mut bytes = std::mem::take(&mut self.dropped);
        if !found.is_empty() {
            let (Found::Record(tail) | Found::Wrong(tail)) = found.remove(0);
            bytes += tail.len() as u64;
        }
        let why = "longer than max_message_bytes";
        add_refusal(refused, Refused { reason: Reason::TooLarge, records: 1, bytes, why });
    }

    fn take(&self, piece: Found, now: u64, batch: &mut Batch, refused: &mut Vec<Refused>) {
        let wrong = |range: &Range<usize>, why| Refused {
            reason: Reason::Malformed,
            records: 1,
            bytes: range.len() as u64,
            why,
        };
        match (piece, &self.form) {
            (Found::Record(range), _) if range.len() > self.max_bytes => {
                let why = "longer than max_message_bytes";
                add_refusal(refused, Refused { reason: Reason::TooLarge, ..wrong(&range, why) });
            }
            (Found::Record(range), Form::Json) => {
                if push_json(batch, range.clone(), now).is_err() {
                    add_refusal(refused, wrong(&range, "not valid JSON"));
                }
            }
            (Found::Record(range), Form::Pieces { .. }) if range.is_empty() => {}
            (Found::Record(range), Form::Pieces { .. }) => {
                let body = keyed(&mut batch.arena, b"log", Value::Str(Span::input(range.start, range.end)));
                push(batch, now, body);
            }
            (Found::Wrong(range), _) => add_refusal(refused, wrong(&range, "not a JSON object")),
        }
    }
}

/// A map of one entry.
pub(crate) fn keyed(arena: &mut Arena, key: &[u8], value: Value) -> List {
    let mut list = List::EMPTY;
    let key = arena.store(key);
    arena.push(&mut list, key, value);
    list
}

pub(crate) fn push(batch: &mut Batch, now: u64, body: List) {
    batch.logs.push(LogRecord { observed: now, ..LogRecord::new(now, Value::Map(body)) });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(form: &Form, pieces: &[&[u8]], max: usize) -> (String, Vec<(Reason, u64)>) {
        let mut splitter = Splitter::new(form.clone(), max);
        let (mut text, mut refused) = (Vec::new(), Vec::new());
        let mut take = |split: Split| {
            for record in &split.batch.logs {
                model::json::write_value(&split.batch.arena, record.body, &mut text);
                text.push(b'\n');
            }
            refused.extend(split.refused.iter().map(|r| (r.reason, r.records)));
        };
        for piece in pieces {
            let mut buffer = splitter.take_buffer();
            buffer.extend_from_slice(piece);
            take(splitter.split(buffer, "t".into(), 1));
            assert!(splitter.held() <= max);
        }
        take(splitter.finish("t".into(), 1));
        (String::from_utf8(text).unwrap(), refused)
    }

    /// Whole, in two pieces at every offset, and byte by byte.
    fn check(form: Form, input: &str, max: usize, expected: &str, refused: &[(Reason, u64)]) {
        let input = input.as_bytes();
        let total = |list: Vec<(Reason, u64)>| {
            Reason::ALL.map(|reason| list.iter().filter(|r| r.0 == reason).map(|r| r.1).sum::<u64>())
        };
        let mut runs = vec![run(&form, &input.iter().map(std::slice::from_ref).collect::<Vec<_>>(), max)];
        runs.extend((0..=input.len()).map(|at| run(&form, &[&input[..at], &input[at..]], max)));
        for (text, seen) in runs {
            assert_eq!(text, expected);
            assert_eq!(total(seen), total(refused.to_vec()));
        }
    }

    #[test]
    fn json_values_follow_each_other() {
        let text = "{\"a\":\"}{\\\"\"}{\"b\":[{}]}\r\n\n {\"c\":{\"d\":1}},\n[1,2]\n";
        let records = "{\"a\":\"}{\\\"\"}\n{\"b\":[{}]}\n{\"c\":{\"d\":1}}\n{\"msg\":[1,2]}\n";
        check(Form::Json, text, 100, records, &[]);
        check(
            Form::Json,
            "{\"health\": \"check\"}",
            100,
            "{\"health\": \"check\"}\n".replace(": ", ":").as_str(),
            &[],
        );
        check(Form::Json, "", 100, "", &[]);
    }

    #[test]
    fn what_is_no_json_costs_its_line() {
        let bad = (Reason::Malformed, 1);
        check(Form::Json, "GET / HTTP/1.1\n{\"a\":1}\n", 100, "{\"a\":1}\n", &[bad]);
        check(Form::Json, "{\"a\" 1}{\"b\":2}", 100, "{\"b\":2}\n", &[bad]);
        check(Form::Json, "{\"b\":2}\n{\"a\":", 100, "{\"b\":2}\n", &[bad]);
    }

    #[test]
    fn pieces_between_separators() {
        let form = |separator: &str| Form::Pieces { separator: separator.into() };
        check(
            form("\n"),
            "one\n\ntwo\nthree",
            100,
            "{\"log\":\"one\"}\n{\"log\":\"two\"}\n{\"log\":\"three\"}\n",
            &[],
        );
        check(form("--"), "a-b--c", 100, "{\"log\":\"a-b\"}\n{\"log\":\"c\"}\n", &[]);
    }

    #[test]
    fn a_long_one_is_dropped_alone() {
        let long = "x".repeat(50);
        let large = (Reason::TooLarge, 1);
        let lines = format!("a\n{long}\nb\n");
        check(
            Form::Pieces { separator: b"\n".to_vec() },
            &lines,
            10,
            "{\"log\":\"a\"}\n{\"log\":\"b\"}\n",
            &[large],
        );
        let json = format!("{{\"a\":1}}{{\"x\":\"{long}\"}}{{\"b\":2}}");
        check(Form::Json, &json, 10, "{\"a\":1}\n{\"b\":2}\n", &[large]);
    }
}
