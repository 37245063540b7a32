//! Why a query has no answer.

use crate::source::SourceError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not PromQL. `start` and `end` are in characters, where the place is known.
    #[error("{message}")]
    Parse { message: String, start: Option<usize>, end: Option<usize> },
    /// The parameters around the text make no sense, such as a step of zero.
    #[error("{0}")]
    Parameter(String),
    /// The text is PromQL, but these series cannot be computed with so.
    #[error("{0}")]
    Execution(String),
    #[error("query processing would load too many samples into memory: more than {limit}")]
    TooManySamples { limit: usize },
    #[error(
        "exceeded maximum resolution of {limit} points per timeseries; try decreasing the query resolution (?step=XX)"
    )]
    TooManyPoints { limit: usize },
    #[error("query timed out")]
    Timeout,
    #[error("query was canceled")]
    Canceled,
    #[error("series cannot be selected")]
    Source(#[source] SourceError),
}

/// The classes of errors that Prometheus' HTTP API tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    BadData,
    Execution,
    Timeout,
    Canceled,
    Internal,
}

impl Kind {
    /// The `errorType` of an answer.
    pub fn name(self) -> &'static str {
        match self {
            Kind::BadData => "bad_data",
            Kind::Execution => "execution",
            Kind::Timeout => "timeout",
            Kind::Canceled => "canceled",
            Kind::Internal => "internal",
        }
    }

    /// The status that Prometheus gives it.
    pub fn status(self) -> u16 {
        match self {
            Kind::BadData => 400,
            Kind::Execution => 422,
            Kind::Timeout => 503,
            Kind::Canceled => 499,
            Kind::Internal => 500,
        }
    }
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Parse { .. } | Error::Parameter(_) | Error::TooManyPoints { .. } => Kind::BadData,
            Error::Execution(_) | Error::TooManySamples { .. } => Kind::Execution,
            Error::Timeout | Error::Source(SourceError::Timeout) => Kind::Timeout,
            Error::Canceled | Error::Source(SourceError::Canceled) => Kind::Canceled,
            Error::Source(SourceError::TooMuch(_)) => Kind::Execution,
            Error::Source(SourceError::Failed(_)) => Kind::Internal,
        }
    }

    pub(crate) fn parse(message: impl Into<String>, place: Option<std::ops::Range<usize>>) -> Error {
        let (start, end) = place.map_or((None, None), |place| (Some(place.start), Some(place.end)));
        Error::Parse { message: message.into(), start, end }
    }
}
