//! Who may look: whoever reaches a loopback address by its name; anybody else with the token.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};

const COOKIE: &str = "outrigger_token";

/// Puts the guard before every route. Without a token only names of this machine are answered, so that a page from
/// elsewhere, whose name was made to point here, cannot ask.
pub fn guarded(router: Router, token: Option<String>) -> Router {
    let token: Option<Arc<str>> = token.map(Into::into);
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let token = token.clone();
        async move { check(token.as_deref(), request, next).await }
    }))
}

async fn check(token: Option<&str>, request: Request, next: Next) -> Response {
    let Some(token) = token else {
        return match is_local(request.headers()) {
            true => next.run(request).await,
            false => refuse("this address answers only as localhost"),
        };
    };
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
        "open this page once with ?token=, or send `Authorization: Bearer`; the token is in OUTRIGGER_TOKEN",
    )
}

fn refuse(why: &'static str) -> Response {
    (StatusCode::UNAUTHORIZED, format!("{why}\n")).into_response()
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
    use super::*;

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
