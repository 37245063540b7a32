//! Columns that are being filled, one kind each, and what is common to all: taking them as an array.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, MapBuilder, MapFieldNames, StringArray, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::Int32Type;

/// Microseconds since the epoch.
pub(super) struct Times(TimestampMicrosecondBuilder);

impl Default for Times {
    fn default() -> Self {
        Times(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
    }
}

impl Times {
    /// Nanoseconds since the epoch; the remainder is returned.
    pub fn push(&mut self, nanos: u64) -> i16 {
        self.0.append_value((nanos / 1000) as i64);
        (nanos % 1000) as i16
    }

    /// As [`Times::push`]; 0 is unknown.
    pub fn push_known(&mut self, nanos: u64) {
        self.0.append_option((nanos > 0).then_some((nanos / 1000) as i64));
    }

    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Text with few values: each is kept once.
#[derive(Default)]
pub(super) struct Label {
    keys: Vec<Option<i32>>,
    values: Vec<Box<str>>,
    known: HashMap<Box<str>, i32>,
    last: Option<i32>,
}

impl Label {
    pub fn push(&mut self, text: Option<&str>) {
        let key = text.filter(|text| !text.is_empty()).map(|text| self.key(text));
        self.keys.push(key);
    }

    fn key(&mut self, text: &str) -> i32 {
        if let Some(last) = self.last
            && &*self.values[last as usize] == text
        {
            return last;
        }
        let key = match self.known.get(text) {
            Some(key) => *key,
            None => {
                let key = self.values.len() as i32;
                self.values.push(text.into());
                self.known.insert(text.into(), key);
                key
            }
        };
        self.last = Some(key);
        key
    }

    pub fn finish(&mut self) -> ArrayRef {
        let Label { keys, values, .. } = std::mem::take(self);
        let values = StringArray::from_iter_values(values);
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(keys), Arc::new(values)))
    }
}

/// Text by text.
pub(super) struct TextMap(MapBuilder<StringBuilder, StringBuilder>);

impl Default for TextMap {
    fn default() -> Self {
        let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
        TextMap(MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()))
    }
}

impl TextMap {
    pub fn entry(&mut self, key: &str, value: &str) {
        self.0.keys().append_value(key);
        self.0.values().append_value(value);
    }

    /// Ends the map of this row. No map has no entries: an empty one is null.
    pub fn end(&mut self, any: bool) {
        self.0.append(any).expect("bug: a key was added without its value");
    }

    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Text that differs from row to row.
pub(super) fn push_text(column: &mut StringBuilder, text: &str) {
    column.append_option((!text.is_empty()).then_some(text));
}

/// The lower-case digits of an id; null when it is all zero.
pub(super) fn push_id<const N: usize>(column: &mut StringBuilder, id: &[u8; N]) {
    if id.iter().all(|byte| *byte == 0) {
        return column.append_null();
    }
    let mut digits = [0; 32];
    column.append_value(hex(id, &mut digits));
}

pub(super) fn hex<'a>(bytes: &[u8], out: &'a mut [u8; 32]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    std::str::from_utf8(&out[..2 * bytes.len()]).unwrap_or_default()
}
