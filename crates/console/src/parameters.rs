//! What routes are asked with.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use bytes::Bytes;
use query::search::{self, Search};
use query::{QueryError, Range};

use crate::answers::Refusal;

/// The parameters of a request, by name.
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = axum::extract::Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let query = query.map_err(|error| Refusal::from(QueryError::refused(error.body_text())))?;
        Ok(Parameters(query.0))
    }
}

/// The parameters of a request that may also be a form, as Prometheus takes them.
pub(crate) struct Form(Parameters);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let Parameters(mut all) = Parameters::from_request_parts(&mut parts, state).await?;
        let bytes = Bytes::from_request(Request::from_parts(parts, body), state).await;
        let bytes = bytes.map_err(|error| Refusal::from(QueryError::refused(error.body_text())))?;
        let uri = format!("/?{}", String::from_utf8_lossy(&bytes)).parse::<Uri>();
        if let Ok(uri) = uri
            && let Ok(form) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        {
            all.extend(form.0);
        }
        Ok(Form(Parameters(all)))
    }
}

impl Form {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// A page shows this much where nobody says how much.
const LAST: i64 = 3_600_000;

impl Parameters {
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A whole number; refused when it is something else.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        // Browsers make fractions of a millisecond.
        match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number as i64)),
            _ => Err(QueryError::refused(format!("`{name}` is no number: {value}")).into()),
        }
    }

    pub fn size(&self, name: &str, otherwise: usize, most: usize) -> Result<usize, Refusal> {
        let given = self.number(name)?.and_then(|number| usize::try_from(number).ok());
        Ok(given.unwrap_or(otherwise).clamp(1, most))
    }

    /// `from` and `to` in milliseconds since the epoch; the last hour otherwise.
    pub fn range(&self) -> Result<Range, Refusal> {
        let to = self.number("to")?.unwrap_or_else(|| now_micros() / 1000);
        let from = self.number("from")?.unwrap_or(to - LAST);
        if from > to {
            return Err(QueryError::refused("`from` is later than `to`").into());
        }
        Ok(Range::millis(from, to))
    }

    /// `q` in the search language.
    pub fn search(&self) -> Result<Search, Refusal> {
        Ok(search::parse(self.get("q").unwrap_or_default())?)
    }
}

/// Microseconds since the epoch.
pub(crate) fn now_micros() -> i64 {
    (engine::clock::now_nanos() / 1000) as i64
}
