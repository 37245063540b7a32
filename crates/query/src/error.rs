//! Why a question was not answered.

use datafusion::error::DataFusionError;

/// A refusal, with the place in the question where it is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    pub message: String,
    /// From where to where in the question, in characters.
    pub place: Option<(usize, usize)>,
    /// What could stand there.
    pub expected: Vec<String>,
    /// Whether the question is at fault; else the store is.
    pub refused: bool,
}

/// What the pool of memory says tells of its consumers, and nothing that could be done.
const TOO_LARGE: &str = "the query needs more memory than queries may use together; ask about less time, \
                         group by fewer values, or read fewer columns";

impl QueryError {
    pub fn refused(message: impl Into<String>) -> QueryError {
        QueryError { message: message.into(), place: None, expected: Vec::new(), refused: true }
    }

    pub fn at(self, start: usize, end: usize) -> QueryError {
        QueryError { place: Some((start, end)), ..self }
    }

    pub fn expecting(self, expected: &[&str]) -> QueryError {
        QueryError { expected: expected.iter().map(|text| (*text).to_owned()).collect(), ..self }
    }

    /// The query engine gave up in the middle.
    pub(crate) fn broken() -> QueryError {
        QueryError {
            refused: false,
            ..QueryError::refused("bug: the query engine broke off; its log line says where")
        }
    }

    pub(crate) fn failed(error: &DataFusionError) -> QueryError {
        let message = match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => TOO_LARGE.to_owned(),
            _ => plain(error),
        };
        QueryError { refused: false, ..QueryError::refused(message) }
    }

    /// What DataFusion says of a text, with its place where it tells it.
    pub(crate) fn of_text(error: &DataFusionError, text: &str) -> QueryError {
        let message = plain(error);
        let place = error
            .diagnostic()
            .and_then(|diagnostic| diagnostic.span)
            .map(|span| {
                let start = offset(text, span.start.line as usize, span.start.column as usize);
                (start, offset(text, span.end.line as usize, span.end.column as usize).max(start))
            })
            .or_else(|| told(&message, text));
        QueryError { place, ..QueryError::refused(message) }
    }
}

/// The innermost message, without the names of layers that mean nothing to who asked.
fn plain(error: &DataFusionError) -> String {
    let mut text = error.strip_backtrace();
    for layer in ["SQL error: ", "Error during planning: ", "Schema error: ", "Execution error: "] {
        if let Some(rest) = text.strip_prefix(layer) {
            text = rest.to_owned();
        }
    }
    let inner = text.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")"));
    inner.map(str::to_owned).unwrap_or(text)
}

/// `... at Line: 1, Column: 8`, as the parser tells it.
fn told(message: &str, text: &str) -> Option<(usize, usize)> {
    let rest = &message[message.rfind("Line: ")? + 6..];
    let (line, rest) = rest.split_once(", Column: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let start = offset(text, line.parse().ok()?, digits.parse().ok()?);
    let word = text.chars().skip(start).take_while(|c| c.is_alphanumeric() || *c == '_').count();
    Some((start, start + word.max(1)))
}

/// Lines and columns count from one.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize =
        text.split('\n').take(line.saturating_sub(1)).map(|line| line.chars().count() + 1).sum();
    (before + column.saturating_sub(1)).min(text.chars().count())
}
