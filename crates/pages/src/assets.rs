//! The pages of `ui/`, embedded as they were built, compressed beforehand.

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// Pages that were built into this program.
pub struct Pages {
    files: &'static [File],
    /// What stands in for `index.html` where they were not built.
    unbuilt: &'static str,
}

struct File {
    name: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Nothing from elsewhere, and no script or style in a page's text.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

/// The console over a lake.
pub static CONSOLE: Pages = Pages {
    files: CONSOLE_FILES,
    unbuilt: "<!doctype html><html lang=en><meta charset=utf-8><title>Outrigger</title>\
        <h1>The console is not built into this program</h1>\
        <p>It runs, and its API answers below <a href=api/status>api/</a>. To build the pages as well, with node \
        installed: <code>make console</code>, then build the program again.</p>",
};

/// The page of pipelines alone, for a program without a lake.
pub static PIPELINES: Pages = Pages {
    files: PIPELINES_FILES,
    unbuilt: "<!doctype html><html lang=en><meta charset=utf-8><title>Outrigger</title>\
        <h1>The page of pipelines is not built into this program</h1>\
        <p>It runs, and tells what passes at <a href=api/pipelines>api/pipelines</a>. To build the page as well, with \
        node installed: <code>make console</code>, then build the program again.</p>",
};

impl Pages {
    /// The file that is asked for; `index.html` at the root.
    pub fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let asked = uri.path().trim_start_matches('/');
        let name = if asked.is_empty() { "index.html" } else { asked };
        if let Some(file) = self.files.iter().find(|file| file.name == name) {
            return file.answer(headers);
        }
        if name == "index.html" {
            let head = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CACHE_CONTROL, "no-cache"),
                (header::CONTENT_SECURITY_POLICY, POLICY),
            ];
            return (StatusCode::OK, head, self.unbuilt).into_response();
        }
        (StatusCode::NOT_FOUND, "there is no such page\n").into_response()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: Pages = Pages {
        files: &[
            File { name: "assets/a-1f.js", plain: b"plain", gzip: Some(b"gz"), brotli: Some(b"br") },
            File { name: "index.html", plain: b"<p>", gzip: None, brotli: None },
        ],
        unbuilt: "unbuilt",
    };

    fn get(pages: &Pages, path: &str, accept_encoding: &str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accept_encoding.parse().expect("a header"));
        pages.answer(&path.parse().expect("a path"), &headers)
    }

    fn head(response: &Response, name: header::HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
    }

    #[test]
    fn assets_are_kept_for_ever_and_come_as_small_as_the_reader_takes_them() {
        for (accepts, coding) in [("gzip, br;q=0.9", "br"), ("gzip", "gzip"), ("identity", ""), ("brx", "")] {
            let response = get(&PAGES, "/assets/a-1f.js", accepts);
            assert_eq!(head(&response, header::CONTENT_ENCODING), coding, "{accepts}");
            assert_eq!(head(&response, header::CONTENT_TYPE), "text/javascript");
            assert!(head(&response, header::CACHE_CONTROL).contains("immutable"));
        }
    }

    #[test]
    fn a_page_is_asked_for_anew_and_runs_no_script_of_others() {
        for pages in [&PAGES, &CONSOLE, &PIPELINES, &Pages { files: &[], unbuilt: "unbuilt" }] {
            let response = get(pages, "/", "br");
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(head(&response, header::CACHE_CONTROL), "no-cache");
            assert_eq!(head(&response, header::CONTENT_TYPE), "text/html; charset=utf-8");
            assert!(
                head(&response, header::CONTENT_SECURITY_POLICY)
                    .starts_with("default-src 'self'; script-src 'self';")
            );
        }
        assert_eq!(get(&PAGES, "/assets/../Cargo.toml", "").status(), StatusCode::NOT_FOUND);
    }
}
