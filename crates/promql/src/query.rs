//! The ways in: a query at one time, a query over a range, the matchers of a selector.

use crate::answer::Answer;
use crate::error::Error;
use crate::matcher::Matcher;
use crate::options::Options;
use crate::source::Source;

/// Evaluates at one time: scalars, texts, vectors, and the raw samples of a range selector.
pub async fn instant(
    _text: &str,
    _source: &impl Source,
    _at: i64,
    _options: &Options,
) -> Result<Answer, Error> {
    Err(Error::Execution("not yet".into()))
}

/// Evaluates at each step from `start` to `end`, both included. Always a matrix, sorted by labels.
pub async fn range(
    _text: &str,
    _source: &impl Source,
    _start: i64,
    _end: i64,
    _step: i64,
    _options: &Options,
) -> Result<Answer, Error> {
    Err(Error::Execution("not yet".into()))
}

/// The matchers of a bare selector, such as the `match[]` of `/api/v1/series`.
pub fn matchers_of(_selector: &str) -> Result<Vec<Matcher>, Error> {
    Err(Error::Execution("not yet".into()))
}
