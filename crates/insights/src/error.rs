//! Why a query was refused, with its place in characters, as MalformedQueryException wants it.

/// A fault of a query's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{start}..{end}: {message}")]
pub struct Error {
    /// The first character it is about, counted from 0.
    pub start: usize,
    /// The character behind the last one. Never past the text's end.
    pub end: usize,
    pub message: String,
    /// What could stand there instead, where the choice is small.
    pub expected: Vec<String>,
}

/// A fault while places are still bytes.
#[derive(Debug)]
pub struct Fault {
    pub span: Span,
    pub message: String,
    pub expected: Vec<String>,
}

/// Bytes of the query's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }
}

impl Fault {
    pub fn new(span: Span, message: impl Into<String>) -> Fault {
        Fault { span, message: message.into(), expected: Vec::new() }
    }

    pub fn expected<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Fault {
        self.expected = words.into_iter().map(Into::into).collect();
        self
    }

    /// Counts characters up to the bytes the fault is about.
    pub fn place(self, text: &str) -> Error {
        let count = |until: usize| text.char_indices().take_while(|(at, _)| *at < until).count();
        Error {
            start: count(self.span.start),
            end: count(self.span.end),
            message: self.message,
            expected: self.expected,
        }
    }
}
