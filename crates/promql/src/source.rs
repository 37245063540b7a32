//! The border to whatever stores series.

use std::future::Future;

use crate::matcher::Matcher;
use crate::series::Series;

/// Where series come from.
pub trait Source: Send + Sync {
    /// The series that all matchers fit, with their samples from `from` to `to`, both included, in milliseconds.
    ///
    /// Asked once for each selector of a query, before anything is computed. Samples ascend in time; stale markers
    /// ([`crate::STALE`]) are handed over as they are; of two samples with one time only one is. No two series have
    /// the same labels. Series may come in any order.
    fn select(
        &self,
        matchers: &[Matcher],
        from: i64,
        to: i64,
    ) -> impl Future<Output = Result<Vec<Series>, SourceError>> + Send;
}

/// Why a source gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Too much would have to be read or held; the text says what and which limit.
    #[error("{0}")]
    TooMuch(String),
    #[error("the query took too long")]
    Timeout,
    #[error("the query was canceled")]
    Canceled,
    #[error("series cannot be read")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
