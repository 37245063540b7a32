//! Which senders are let in, by a header of their requests.
//!
//! A credential that was found good is remembered by its digest, since checking a password takes tens of
//! milliseconds on purpose.
//! Source: RFC 7617 and RFC 6750; the formats of Apache's htpasswd.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use base64::prelude::{BASE64_STANDARD, Engine};
use config::Secret;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use schemars::JsonSchema;
use serde::Deserialize;

/// Good credentials that are remembered; passwords that changed hands are few.
const REMEMBERED: usize = 1024;

/// Credentials of which a sender must show one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// The header that holds it.
    #[serde(default = "authorization")]
    pub header: String,
    /// Values of the header that let in, whole: `Bearer …`.
    #[serde(default)]
    pub values: Vec<Secret>,
    /// Users who may send with Basic authentication: lines of `name:password`, the password as htpasswd writes it with
    /// bcrypt (`-B`) or SHA (`-s`), or plain.
    #[serde(default)]
    pub users: Option<Secret>,
    /// A file of such lines.
    #[serde(default)]
    pub users_file: Option<PathBuf>,
}

fn authorization() -> String {
    "authorization".into()
}

type Digest = [u8; 32];

/// Lets in who shows a credential.
pub struct Guard {
    header: String,
    users: HashMap<String, Password>,
    good: Mutex<HashSet<Digest>>,
}

enum Password {
    Bcrypt(String),
    Sha1(Vec<u8>),
    Plain(Digest),
}

impl Guard {
    /// An error says what is wrong and how to mend it.
    pub fn new(config: &AuthConfig) -> Result<Guard, String> {
        let mut users = HashMap::new();
        let mut lines = config.users.as_ref().map(|users| users.reveal().to_owned()).unwrap_or_default();
        if let Some(path) = &config.users_file {
            let file = std::fs::read_to_string(path);
            lines.push('\n');
            lines.push_str(&file.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?);
        }
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Some((name, password)) = line.split_once(':') else {
                return Err("a line of the users has no `:`; write `name:password`".into());
            };
            users.insert(name.to_owned(), Password::parse(name, password)?);
        }
        let good: HashSet<Digest> = config.values.iter().map(|value| sha256(value.reveal())).collect();
        if users.is_empty() && good.is_empty() {
            return Err("no credentials are given; set `values`, `users` or `users_file`".into());
        }
        Ok(Guard { header: config.header.to_ascii_lowercase(), users, good: Mutex::new(good) })
    }

    pub async fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(shown) = headers.get(&self.header).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let digest = sha256(shown);
        if self.good().contains(&digest) {
            return true;
        }
        let Some((password, plain)) = self.password_of(shown) else { return false };
        let is_right = match password {
            Password::Plain(right) => *right == sha256(&plain),
            Password::Sha1(right) => *right == digest_of(&SHA1_FOR_LEGACY_USE_ONLY, &plain),
            Password::Bcrypt(hash) => {
                let hash = hash.clone();
                let check = tokio::task::spawn_blocking(move || bcrypt::verify(plain, &hash));
                check.await.is_ok_and(|checked| checked.unwrap_or(false))
            }
        };
        if is_right {
            let mut good = self.good();
            if good.len() < REMEMBERED {
                good.insert(digest);
            }
        }
        is_right
    }

    /// What is known of a user who names himself, and the password he shows.
    fn password_of(&self, shown: &str) -> Option<(&Password, String)> {
        let (scheme, credentials) = shown.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let plain = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
        let (name, password) = plain.split_once(':')?;
        Some((self.users.get(name)?, password.to_owned()))
    }

    fn good(&self) -> std::sync::MutexGuard<'_, HashSet<Digest>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Password {
    fn parse(name: &str, text: &str) -> Result<Password, String> {
        if let Some(encoded) = text.strip_prefix("{SHA}") {
            let hash = BASE64_STANDARD.decode(encoded).ok().filter(|hash| hash.len() == 20);
            return hash.map(Password::Sha1).ok_or(format!("the password of `{name}` is no SHA-1 in base64"));
        }
        match text {
            _ if text.starts_with("$2") => Ok(Password::Bcrypt(text.to_owned())),
            _ if text.starts_with("$apr1$") => {
                Err(format!("the password of `{name}` is hashed with MD5; write it with `htpasswd -B`"))
            }
            _ => Ok(Password::Plain(sha256(text))),
        }
    }
}

fn sha256(text: &str) -> Digest {
    digest_of(&SHA256, text).try_into().unwrap_or_default()
}

fn digest_of(algorithm: &'static ring::digest::Algorithm, text: &str) -> Vec<u8> {
    digest(algorithm, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn config(users: &str, values: &[&str]) -> AuthConfig {
        AuthConfig {
            header: authorization(),
            values: values.iter().map(|value| Secret::new(*value)).collect(),
            users: Some(Secret::new(users)),
            users_file: None,
        }
    }

    async fn admits(guard: &Guard, shown: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(shown) = shown {
            headers.insert("authorization", HeaderValue::from_str(shown).unwrap());
        }
        guard.admits(&headers).await
    }

    fn basic(plain: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(plain))
    }

    /// `{SHA}` of `password`, and bcrypt of `U*U` from the test vectors of its first implementation.
    #[tokio::test]
    async fn who_shows_a_credential_is_let_in() {
        let users = "# shop\nsha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nplain:pa:ss\n\
                     crypt:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let guard = Guard::new(&config(users, &["Bearer t0ken"])).unwrap();
        for (shown, expected) in [
            (basic("sha:password"), true),
            (basic("sha:Password"), false),
            (basic("plain:pa:ss"), true),
            (basic("plain:pa"), false),
            (basic("crypt:U*U"), true),
            (basic("crypt:U*U*"), false),
            (basic("nobody:password"), false),
            ("Bearer t0ken".into(), true),
            ("Bearer t0ke".into(), false),
            ("Basic !".into(), false),
        ] {
            for _ in 0..2 {
                assert_eq!(admits(&guard, Some(&shown)).await, expected, "{shown}");
            }
        }
        assert!(!admits(&guard, None).await);
    }

    #[test]
    fn users_that_cannot_be_checked_are_refused() {
        let fault = |users| Guard::new(&config(users, &[])).err().unwrap();
        assert!(fault("a:$apr1$x$y").contains("htpasswd -B"));
        assert!(fault("a").contains("name:password"));
        assert!(fault("a:{SHA}x").contains("`a`"));
        assert!(fault("").contains("no credentials"));
    }
}
