//! PromQL, Prometheus' query language: text and a [`Source`] of series in, an [`Answer`] out.
//!
//! The way of a query: `scan` (places, nesting), `parse` (the library's tree to our `syntax`), `select` (one question
//! to the source for each selector, for the whole range), `eval` (one pass over each node, all steps at once). The
//! crate knows no files and no clock: times are milliseconds since the epoch, and whoever asks brings them.
//!
//! Evaluation is plain computation that never waits: where a query may be long, run it off the threads that serve
//! sockets, with [`Options::deadline`] and [`Options::canceled`] set.
//!
//! To add a function, write it in the file of its theme in `functions/` and list it in `functions.rs`.

mod answer;
mod error;
mod eval;
mod functions;
mod labels;
mod matcher;
mod options;
mod parse;
mod place;
mod query;
mod scan;
mod select;
mod series;
mod source;
mod syntax;
#[cfg(test)]
mod tests;

pub mod json;
#[doc(hidden)]
pub mod testing;

pub use answer::{Answer, Point, Sample, Value};
pub use error::{Error, Kind};
pub use functions::names as function_names;
pub use labels::{Label, Labels, METRIC_NAME};
pub use matcher::{MatchOp, Matcher};
pub use options::Options;
pub use query::{instant, matchers_of, range};
pub use series::{STALE, Samples, Series, is_stale};
pub use source::{Source, SourceError};
