//! Functions that look for a text in another, whatever the case of letters.
//!
//! `icontains(text, part)`: anywhere. `has_token(text, words)`: where no letter or digit stands before or behind.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::lit;

pub(crate) const ICONTAINS: &str = "icontains";
pub(crate) const HAS_TOKEN: &str = "has_token";

static UDFS: LazyLock<[Arc<ScalarUDF>; 2]> =
    LazyLock::new(|| [Edges::Any, Edges::Whole].map(|edges| Arc::new(ScalarUDF::from(LooksFor::new(edges)))));

pub(crate) fn udfs() -> &'static [Arc<ScalarUDF>] {
    &*UDFS
}

/// The condition that `text` holds `part`.
pub(crate) fn icontains(text: Expr, part: &str) -> Expr {
    UDFS[0].call(vec![text, lit(part)])
}

/// The condition that `text` holds `words`, each whole and in this order.
pub(crate) fn has_token(text: Expr, words: &str) -> Expr {
    UDFS[1].call(vec![text, lit(words)])
}

/// What may stand before and behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Edges {
    Any,
    /// Nothing that continues a word.
    Whole,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LooksFor {
    edges: Edges,
    signature: Signature,
}

impl LooksFor {
    fn new(edges: Edges) -> LooksFor {
        let arguments = vec![DataType::Utf8View, DataType::Utf8];
        LooksFor { edges, signature: Signature::exact(arguments, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for LooksFor {
    fn name(&self) -> &str {
        match self.edges {
            Edges::Any => ICONTAINS,
            Edges::Whole => HAS_TOKEN,
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [text, ColumnarValue::Scalar(ScalarValue::Utf8(Some(part)))] = args.args.as_slice() else {
            return exec_err!("{}: what to look for must be a constant text", self.name());
        };
        let finder = Finder::new(part, self.edges);
        let text: ArrayRef = text.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(finder.all(&text))))
    }
}

/// Looks for a part by its rarest letter: `memchr` finds candidates, the rest is compared.
struct Finder {
    /// In lower case.
    part: String,
    /// Where the rarest letter is, and its cases.
    rare: (usize, u8, u8),
    edges: Edges,
}

impl Finder {
    fn new(part: &str, edges: Edges) -> Finder {
        let part = lower(part);
        let rarity = |byte: &u8| COMMON.iter().position(|common| common == byte).unwrap_or(COMMON.len());
        let rare = part.bytes().enumerate().max_by_key(|(_, byte)| rarity(byte)).unwrap_or_default();
        Finder { rare: (rare.0, rare.1, rare.1.to_ascii_uppercase()), part, edges }
    }

    fn all(&self, text: &ArrayRef) -> BooleanArray {
        let text = text.as_string_view();
        let mut out = BooleanBuilder::with_capacity(text.len());
        for value in text {
            out.append_option(value.map(|value| self.is_in(value)));
        }
        out.finish()
    }

    fn is_in(&self, text: &str) -> bool {
        if self.part.is_empty() {
            return true;
        }
        if !self.part.is_ascii() {
            let text = lower(text);
            return text.match_indices(&self.part).any(|(at, _)| self.stands_alone(&text, at));
        }
        let (place, small, large) = self.rare;
        let bytes = text.as_bytes();
        let mut from = place;
        while let Some(rest) = bytes.get(from..)
            && let Some(at) = memchr::memchr2(small, large, rest)
        {
            let start = from + at - place;
            match bytes.get(start..start + self.part.len()) {
                Some(found) if found.eq_ignore_ascii_case(self.part.as_bytes()) => {
                    if self.stands_alone(text, start) {
                        return true;
                    }
                }
                Some(_) => {}
                None => return false,
            }
            from += at + 1;
        }
        false
    }

    /// Whether what is found at a place is no part of longer words, where that matters.
    fn stands_alone(&self, text: &str, at: usize) -> bool {
        if self.edges == Edges::Any {
            return true;
        }
        let joins = |one: Option<char>, other: Option<char>| {
            one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
        };
        let (before, behind) = (text.get(..at), text.get(at + self.part.len()..));
        let (before, behind) = (before.unwrap_or_default(), behind.unwrap_or_default());
        !joins(before.chars().next_back(), self.part.chars().next())
            && !joins(self.part.chars().next_back(), behind.chars().next())
    }
}

/// Letters of log lines, the most frequent first.
const COMMON: &[u8] = b" etaoinsrldcumphgf0bw1./-y2\"v:3=k54_867,9x";

/// Letter by letter, as words of the token index are.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_anywhere_and_words_alone() {
        // text, part, anywhere, as words
        let cases = [
            ("Connection reset by peer", "RESET", true, true),
            ("Connection reset by peer", "rese", true, false),
            ("Connection reset by peer", "eset by", true, false),
            ("Connection reset by peer", "reset by", true, true),
            ("resets, then reset", "reset", true, true),
            ("resets", "reset", true, false),
            ("/api/v1/orders", "/v1/", true, true),
            ("/api/v1/orders", "api/v1", true, true),
            ("id=42", "42", true, true),
            ("id=421", "42", true, false),
            ("é42", "42", true, false),
            ("ÄRGER im Werk", "ärger", true, true),
            ("ÄRGERLICH", "ärger", true, false),
            ("ΟΔΟΣ", "οδος", false, false),
            ("ΟΔΟΣ", "οδοσ", true, true),
            ("anything", "", true, true),
            ("", "a", false, false),
            ("ab", "abc", false, false),
            ("zab", "abz", false, false),
        ];
        for (text, part, anywhere, words) in cases {
            assert_eq!(Finder::new(part, Edges::Any).is_in(text), anywhere, "{part:?} in {text:?}");
            assert_eq!(Finder::new(part, Edges::Whole).is_in(text), words, "{part:?} alone in {text:?}");
        }
    }
}
