//! Who may look: whoever reaches a loopback address by its name; anybody else with the token; without one nobody.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};

const COOKIE: &str = "outrigger_token";

/// What stands before pages and what they ask.
#[derive(Clone)]
pub enum Guard {
    /// Only names of this machine are answered, so that a page from elsewhere, whose name was made to point here,
    /// cannot ask.
    Local,
    /// Whoever has the token.
    Token(Arc<str>),
    /// Others reach the address, and there is no token to tell them apart by.
    Closed,
}

impl Guard {
    /// Of an address that is loopback or not. A loopback address asks for no token, even where there is one.
    pub fn new(is_loopback: bool, token: Option<&str>) -> Guard {
        match token.filter(|token| !token.is_empty()) {
            _ if is_loopback => Guard::Local,
            Some(token) => Guard::Token(token.into()),
            None => Guard::Closed,
        }
    }

    /// Puts the guard before every route.
    pub fn before(self, router: Router) -> Router {
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let guard = self.clone();
            async move { guard.check(request, next).await }
        }))
    }

    async fn check(&self, request: Request, next: Next) -> Response {
        match self {
            Guard::Local if is_local(request.headers()) => next.run(request).await,
            Guard::Local => refuse(StatusCode::UNAUTHORIZED, "this address answers only as localhost"),
            Guard::Token(token) => with_token(token, request, next).await,
            Guard::Closed => refuse(
                StatusCode::FORBIDDEN,
                "this shows what passes, and its address is open to others: set OUTRIGGER_TOKEN to a secret and start \
                 again, or leave OUTRIGGER_LISTEN at 127.0.0.1:7070",
            ),
        }
    }
}

async fn with_token(token: &str, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let given = bearer(headers).or_else(|| access_key(headers)).or_else(|| cookie(headers));
    if given.is_some_and(|given| same(given, token)) {
        return next.run(request).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let given = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    if given.is_some_and(|given| same(given, token)) {
        let mut response = Redirect::to(request.uri().path()).into_response();
        let cookie = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/");
        if let Ok(cookie) = cookie.parse() {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        return response;
    }
    refuse(
        StatusCode::UNAUTHORIZED,
        "open this page once with ?token=, or send `Authorization: Bearer`; the token is in OUTRIGGER_TOKEN",
    )
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    (status, format!("{why}\n")).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Clients of AWS sign with a key that has a name: the token stands in the name's place, and the signature is not looked at.
fn access_key(headers: &HeaderMap) -> Option<&str> {
    let authorization =
        headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let credential = authorization.split(',').find_map(|part| part.trim().strip_prefix("Credential="))?;
    credential.split('/').next()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Takes as long whatever the first difference is.
fn same(given: &str, token: &str) -> bool {
    given.len() == token.len()
        && given.bytes().zip(token.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let host = host.to_str().unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name == "localhost"
        || name == "[::1]"
        || name.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower_service::Service;

    use super::*;

    async fn ask(guard: &Guard, path: &str, headers: &[(&str, &str)]) -> Response {
        let inside = Router::new().route("/", get(async || "inside")).fallback(async || "inside");
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        guard.clone().before(inside).call(request).await.expect("an answer")
    }

    async fn status(guard: &Guard, path: &str, headers: &[(&str, &str)]) -> u16 {
        ask(guard, path, headers).await.status().as_u16()
    }

    #[tokio::test]
    async fn a_loopback_address_answers_to_its_own_names_alone() {
        let guard = Guard::new(true, Some("unused"));
        for (host, expected) in [
            ("127.0.0.1:7070", 200),
            ("localhost:7070", 200),
            ("LOCALHOST.evil.example", 401),
            ("[::1]:7070", 200),
            ("evil.example", 401),
            ("10.0.0.7:7070", 401),
        ] {
            assert_eq!(status(&guard, "/", &[("host", host)]).await, expected, "{host}");
            assert_eq!(status(&guard, "/elsewhere", &[("host", host)]).await, expected, "{host}");
        }
    }

    #[tokio::test]
    async fn elsewhere_the_token_opens_in_a_header_a_cookie_or_once_in_the_address() {
        let guard = Guard::new(false, Some("s3cret"));
        assert_eq!(status(&guard, "/", &[]).await, 401);
        assert_eq!(status(&guard, "/", &[("authorization", "Bearer s3cret")]).await, 200);
        assert_eq!(status(&guard, "/", &[("authorization", "Bearer s3crez")]).await, 401);
        assert_eq!(status(&guard, "/", &[("cookie", "a=b; outrigger_token=s3cret")]).await, 200);
        assert_eq!(status(&guard, "/?token=wrong", &[]).await, 401);
        let once = ask(&guard, "/?token=s3cret", &[]).await;
        assert_eq!(once.status(), StatusCode::SEE_OTHER);
        let cookie = once.headers()[header::SET_COOKIE].to_str().expect("text");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    }

    #[tokio::test]
    async fn without_a_token_an_open_address_answers_nobody() {
        for token in [None, Some("")] {
            let guard = Guard::new(false, token);
            for headers in [&[][..], &[("host", "localhost")], &[("authorization", "Bearer ")]] {
                assert_eq!(status(&guard, "/?token=", headers).await, 403);
            }
        }
    }

    #[test]
    fn a_clients_access_key_is_its_token() {
        for (authorization, expected) in [
            (
                "AWS4-HMAC-SHA256 Credential=tok-1/20261121/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=ab",
                Some("tok-1"),
            ),
            ("AWS4-HMAC-SHA256 SignedHeaders=host,Credential=tok-1/20261121/x", Some("tok-1")),
            ("AWS4-HMAC-SHA256 SignedHeaders=host", None),
            ("Bearer Credential=tok-1/", None),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, authorization.parse().unwrap())]);
            assert_eq!(access_key(&headers), expected, "{authorization}");
        }
    }
}
