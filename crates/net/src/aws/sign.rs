//! Signature version 4 over a finished request.

use std::time::SystemTime;

use ::http::{HeaderName, HeaderValue, Request};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign as sigv4,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;

use super::{AwsError, Keys, Service};

/// SHA-256 in lower-case hex, as `AwsRequest::body_sha256` takes it.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut hex = String::with_capacity(64);
    for byte in digest.as_ref() {
        for nibble in [byte >> 4, byte & 0xf] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    hex
}

/// Adds the authorization to a request that is otherwise complete.
pub(super) fn sign(
    request: &mut Request<Bytes>,
    body_sha256: String,
    service: &Service,
    keys: &Keys,
    time: SystemTime,
) -> Result<(), AwsError> {
    let bug = |what: &dyn std::fmt::Display| AwsError::Request(format!("bug: it cannot be signed: {what}"));
    let identity = keys.for_signing().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&service.region)
        .name(&service.name)
        .time(time)
        .settings(settings(service))
        .build()
        .map_err(|error| bug(&error))?
        .into();
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers,
        SignableBody::Precomputed(body_sha256),
    )
    .map_err(|error| bug(&error))?;
    let (instructions, _) = sigv4(signable, &params).map_err(|error| bug(&error))?.into_parts();
    let signed: Vec<(HeaderName, HeaderValue)> = instructions
        .headers()
        .map(|(name, value)| Ok((name.parse()?, value.parse()?)))
        .collect::<Result<_, ::http::Error>>()
        // Only a session token can be unfit for a header, so the value stays out of the text.
        .map_err(|_| AwsError::Request("the session token holds a character no header can carry".into()))?;
    for (name, mut value) in signed {
        value.set_sensitive(name == "authorization" || name == "x-amz-security-token");
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

/// S3 signs the path as it is sent and wants the body's hash in a header; all others encode it once more.
fn settings(service: &Service) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service.is_s3() {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}
