//! Sends payloads over HTTP as exporters do whose destination is one address: headers of the settings, credentials
//! that change, and one try a payload.

use std::time::Duration;

use bytes::Bytes;
use engine::{Outcome, Payload};
use http::{HeaderName, HeaderValue, Request};
use net::http::Response;

use crate::auth::Auth;
use crate::http_destination::until_mended;
use crate::transport::Transport;

/// The engine's own time limit is shorter; this one is for settings that turn it off.
const TIMEOUT: Duration = Duration::from_secs(300);

pub struct Sender {
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub auth: Auth,
    pub transport: Transport,
}

impl Sender {
    /// Tries a payload once. `request` makes the request from the payload's body; `judge` says what an answer means.
    pub async fn send(
        &self,
        payload: &Payload,
        request: impl FnOnce(Bytes) -> Result<Request<Bytes>, http::Error>,
        judge: impl FnOnce(&Response) -> Outcome,
    ) -> Outcome {
        let body = match payload.wire() {
            Ok(body) => body,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        let mut request = match request(body) {
            Ok(request) => request,
            Err(error) => return until_mended(format!("the request cannot be made: {error}")),
        };
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if let Err(outcome) = self.auth.add(&mut request).await {
            return outcome;
        }
        match self.transport.send(request, TIMEOUT).await {
            Ok(response) => self.auth.settle(&response, judge(&response)).await,
            Err(outcome) => outcome,
        }
    }

    /// The headers of each request, for people: names alone, as values may be secrets.
    pub fn show(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, _)| format!("{name}: ***\n")).collect();
        headers + &self.auth.show()
    }
}
