//! From a request's body to the pipelines, whichever way it came.

use std::fmt::Display;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode};
use config::ByteSize;
use engine::{Outlet, clock};
use model::{Batch, Reason, Signal};
use wire::{inflate, otlp};

use super::reply::{Code, Refusal};
use crate::auth::Guard;
use crate::connections::Traffic;

pub(super) struct Intake {
    pub out: Outlet,
    /// Of a request, as sent and after decompression.
    pub max_bytes: usize,
    pub traffic: Arc<Traffic>,
    /// Lets everybody in when absent.
    guard: Option<Guard>,
}

impl Intake {
    pub fn new(
        out: &Outlet,
        max_bytes: ByteSize,
        traffic: &Arc<Traffic>,
        guard: Option<Guard>,
    ) -> Arc<Intake> {
        let (out, traffic) = (out.clone(), traffic.clone());
        Arc::new(Intake { out, max_bytes: max_bytes.as_usize(), traffic, guard })
    }

    /// Refuses who shows no credential, before anything is read of what he sends.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match &self.guard {
            Some(guard) if !guard.admits(headers).await => {
                let why = "no credentials that are known here".into();
                Err(Refusal(StatusCode::UNAUTHORIZED, Code::Unauthenticated, why))
            }
            _ => Ok(()),
        }
    }

    /// Takes an export request, as protobuf. `bytes` is what it took to receive.
    pub async fn take(&self, signal: Signal, request: Vec<u8>, bytes: u64) -> Result<(), Refusal> {
        let batch = self.batch(signal, request, bytes)?;
        if batch.is_empty() {
            return Ok(());
        }
        self.out.send(batch, bytes).await.map_err(|_| {
            let why = "not every destination took the records".into();
            Refusal(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, why)
        })
    }

    fn batch(&self, signal: Signal, request: Vec<u8>, bytes: u64) -> Result<Batch, Refusal> {
        if !self.out.takes(signal) {
            self.out.refuse(Reason::Unmatched, otlp::count(signal, &request).unwrap_or(1), bytes);
            let why = "no pipeline takes this signal".into();
            return Err(Refusal(StatusCode::NOT_FOUND, Code::Unimplemented, why));
        }
        let tag = self.out.id().clone();
        let batch = match self.out.reads(signal) {
            true => otlp::decode(signal, request, tag, clock::now_nanos()),
            false => otlp::count(signal, &request).map(|items| Batch::unread(tag, signal, request, items)),
        };
        batch.map_err(|damage| self.malformed(damage, bytes))
    }

    pub fn malformed(&self, why: impl Display, bytes: u64) -> Refusal {
        self.out.refuse(Reason::Malformed, 1, bytes);
        Refusal(StatusCode::BAD_REQUEST, Code::Invalid, format!("the body is no export request: {why}"))
    }

    pub async fn read(&self, body: Body, most: usize) -> Result<Vec<u8>, Refusal> {
        // The server cuts off a body that is longer, and one that did not arrive looks alike.
        to_bytes(body, most).await.map(Vec::from).map_err(|_| self.too_large())
    }

    /// Undoes a compression by its name in `Content-Encoding` or `grpc-encoding`.
    pub fn inflate(&self, encoding: &[u8], body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        let inflated = match encoding {
            b"" | b"identity" => return Ok(body),
            b"gzip" => inflate::gzip(&body, self.max_bytes),
            b"zstd" => inflate::zstd(&body, self.max_bytes),
            b"deflate" | b"zlib" => inflate::zlib(&body, self.max_bytes),
            b"snappy" | b"x-snappy-framed" => inflate::snappy(&body, self.max_bytes),
            other => {
                let other = String::from_utf8_lossy(other);
                let why = format!(
                    "unsupported compression `{other}`; send gzip, zstd, deflate, snappy or nothing of the kind"
                );
                return Err(Refusal(StatusCode::BAD_REQUEST, Code::Invalid, why));
            }
        };
        match inflated.broken {
            _ if inflated.too_large => Err(self.too_large()),
            Some(why) => Err(self.malformed(why, body.len() as u64)),
            None => Ok(inflated.bytes),
        }
    }

    pub fn too_large(&self) -> Refusal {
        self.out.refuse(Reason::TooLarge, 1, 0);
        let why = format!("the request is larger than max {} bytes or did not arrive whole", self.max_bytes);
        Refusal(StatusCode::PAYLOAD_TOO_LARGE, Code::Exhausted, why)
    }
}
