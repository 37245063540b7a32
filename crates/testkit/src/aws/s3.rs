//! S3 in front of an emulator, which takes any signature: a request with a wrong one ends here, as it would there.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::signature;
use crate::http::{self, Response, Server};

/// Passes on what is signed with the stand-ins' key pair. Stops when dropped.
pub struct S3 {
    server: Server,
    calls: Arc<Mutex<Vec<String>>>,
}

impl S3 {
    pub fn before(emulator: SocketAddr) -> S3 {
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let asked = calls.clone();
        let server = Server::start(move |request| {
            let call = format!("{} {}", request.method, request.path);
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(call);
            if let Err(wrong) = signature::verify(&request) {
                return refusal(&wrong);
            }
            match http::send(emulator, &request) {
                Ok(response) => passed(response),
                Err(error) => Response::new(502, error.to_string()),
            }
        });
        S3 { server, calls }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Methods and paths of all requests since the last call of this.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// As S3 words it.
fn refusal(wrong: &str) -> Response {
    let code = if wrong.contains("signature") { "SignatureDoesNotMatch" } else { "AccessDenied" };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>The request signature we \
         calculated does not match the signature you provided. Check your key and signing method.</Message>\
         <RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    Response::new(403, body).with("Content-Type", "application/xml")
}

/// The length is written anew, and connections are ours.
fn passed(mut response: Response) -> Response {
    let own = ["content-length", "connection", "transfer-encoding"];
    response.headers.retain(|(name, _)| !own.contains(&name.to_lowercase().as_str()));
    response
}
