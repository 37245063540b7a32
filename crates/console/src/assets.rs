//! The pages of `ui/`, embedded as they were built, compressed beforehand.

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

pub(crate) struct File {
    name: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Nothing from elsewhere, and no script or style in a page's text.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

const UNBUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Outrigger</title>\
    <h1>The console is not built into this program</h1>\
    <p>It runs, and its API answers below <a href=api/status>api/</a>. To build the pages as well, with node installed: \
    <code>make console</code>, then build the program again.</p>";

pub(crate) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let asked = uri.path().trim_start_matches('/');
    let name = if asked.is_empty() { "index.html" } else { asked };
    if let Some(file) = FILES.iter().find(|file| file.name == name) {
        return file.answer(&headers);
    }
    if name == "index.html" {
        let head = [(header::CONTENT_TYPE, "text/html"), (header::CONTENT_SECURITY_POLICY, POLICY)];
        return (StatusCode::OK, head, UNBUILT).into_response();
    }
    (StatusCode::NOT_FOUND, "there is no such page\n").into_response()
}

impl File {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let accepts = |coding: &str| {
            let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
            accepted
                .is_some_and(|list| list.split(',').any(|one| one.trim().split(';').next() == Some(coding)))
        };
        let (coding, bytes) = match (self.brotli, self.gzip) {
            (Some(bytes), _) if accepts("br") => (Some("br"), bytes),
            (_, Some(bytes)) if accepts("gzip") => (Some("gzip"), bytes),
            _ => (None, self.plain),
        };
        let mut response = bytes.into_response();
        let head = response.headers_mut();
        let mut set = |name, value: &'static str| head.insert(name, header::HeaderValue::from_static(value));
        set(header::CONTENT_TYPE, self.content_type());
        set(header::CACHE_CONTROL, self.cached());
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::VARY, "accept-encoding");
        if let Some(coding) = coding {
            set(header::CONTENT_ENCODING, coding);
        }
        response
    }

    /// Assets are named after what they hold; a page is not.
    fn cached(&self) -> &'static str {
        if self.name.contains('/') { "public, max-age=31536000, immutable" } else { "no-cache" }
    }

    fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript",
            Some("css") => "text/css",
            Some("svg") => "image/svg+xml",
            Some("json") => "application/json",
            Some("png") => "image/png",
            _ => "application/octet-stream",
        }
    }
}
