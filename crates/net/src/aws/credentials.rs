//! Keys that are fetched once, shared, and renewed before they expire.
//!
//! Whoever asks while a renewal runs waits for that one. While the old keys are still good nobody waits
//! at all: the renewal runs beside, and if it fails the old ones serve on until they really expire.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long before expiry new keys are fetched. The task role's endpoint hands out new ones from about
/// then on; asked earlier it repeats the old.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// Least time between two tries to fetch while others wait or old keys serve.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Keys younger than this are not thrown away because of an error: they are as good as they get, and a
/// missing permission must not turn into a stream of questions to STS.
const TRUSTED_AGE: Duration = Duration::from_secs(60);

/// An access key, its secret and session token. `Debug` shows the key id only.
pub struct Keys {
    access_key_id: String,
    secret: aws_credential_types::Credentials,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error("no AWS credentials: {0}")]
    NotFound(String),
    /// The source is there and will not give any; a person has to look.
    #[error("no AWS credentials from {from}: {problem}")]
    Refused { from: String, problem: String },
    /// The source is there and may answer later.
    #[error("no AWS credentials from {from} yet: {problem}")]
    Unavailable { from: String, problem: String },
}

impl CredentialsError {
    pub fn is_transient(&self) -> bool {
        matches!(self, CredentialsError::Unavailable { .. })
    }
}

/// What a source hands over.
pub(super) struct Fetched {
    pub(super) keys: Keys,
    /// `None` for keys that do not expire.
    pub(super) lifetime: Option<Duration>,
}

pub(super) type Fetching = Pin<Box<dyn Future<Output = Result<Fetched, CredentialsError>> + Send>>;
type Source = dyn Fn() -> Fetching + Send + Sync;

/// A source of keys and the ones in use. Cheap to clone; clones share both.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    source: Box<Source>,
    state: Mutex<State>,
    /// Held while fetching, so that there is one fetch at a time.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<(Instant, CredentialsError)>,
}

#[derive(Clone)]
struct Held {
    keys: Arc<Keys>,
    fetched: Instant,
    renew: Option<Instant>,
    expires: Option<Instant>,
    rejected: bool,
}

enum Now {
    Use(Arc<Keys>),
    UseAndRenew(Arc<Keys>),
    Wait,
}

impl Credentials {
    pub(super) fn from_source(source: impl Fn() -> Fetching + Send + Sync + 'static) -> Credentials {
        let (state, flight) = Default::default();
        Credentials(Arc::new(Inner { source: Box::new(source), state, flight }))
    }

    /// Keys that never change.
    pub fn fixed(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Credentials {
        let (id, secret) = (access_key_id.to_owned(), secret_access_key.to_owned());
        let token = session_token.map(str::to_owned);
        Credentials::from_source(move || {
            let keys = Keys::new(&id, &secret, token.as_deref());
            Box::pin(std::future::ready(Ok(Fetched { keys, lifetime: None })))
        })
    }

    /// Keys that are good now. Waits only when there are none.
    pub async fn get(&self) -> Result<Arc<Keys>, CredentialsError> {
        match self.0.now() {
            Now::Use(keys) => return Ok(keys),
            Now::UseAndRenew(keys) => {
                self.renew_beside();
                return Ok(keys);
            }
            Now::Wait => {}
        }
        let _flight = self.0.flight.lock().await;
        // Someone else may have been served while we waited.
        match self.0.now() {
            Now::Use(keys) | Now::UseAndRenew(keys) => return Ok(keys),
            Now::Wait => {}
        }
        if let Some(error) = self.0.recent_failure() {
            return self.0.fallback(error);
        }
        match self.0.fetch().await {
            Ok(keys) => Ok(keys),
            Err(error) => self.0.fallback(error),
        }
    }

    /// Says that AWS rejected these keys, so that the next `get` fetches new ones.
    pub fn invalidate(&self, keys: &Keys) {
        let mut state = self.0.state();
        if let Some(held) = &mut state.held
            && held.keys.access_key_id == keys.access_key_id
            && held.fetched.elapsed() >= TRUSTED_AGE
        {
            held.rejected = true;
        }
    }

    fn renew_beside(&self) {
        let inner = self.0.clone();
        tokio::spawn(async move {
            let Ok(_flight) = inner.flight.try_lock() else { return };
            if inner.recent_failure().is_some() || !matches!(inner.now(), Now::UseAndRenew(_)) {
                return;
            }
            if let Err(error) = inner.fetch().await {
                tracing::warn!(%error, "cannot renew AWS credentials; using the old ones while they last");
            }
        });
    }
}

impl Inner {
    fn now(&self) -> Now {
        let now = Instant::now();
        let state = self.state();
        let Some(held) = &state.held else { return Now::Wait };
        if held.rejected || held.expires.is_some_and(|at| now >= at) {
            return Now::Wait;
        }
        let keys = held.keys.clone();
        if held.renew.is_some_and(|at| now >= at) { Now::UseAndRenew(keys) } else { Now::Use(keys) }
    }

    async fn fetch(&self) -> Result<Arc<Keys>, CredentialsError> {
        match (self.source)().await {
            Ok(Fetched { keys, lifetime }) => {
                let now = Instant::now();
                let keys = Arc::new(keys);
                let ahead = lifetime.map(|lifetime| AHEAD.min(lifetime / 3));
                let held = Held {
                    keys: keys.clone(),
                    fetched: now,
                    expires: lifetime.map(|lifetime| now + lifetime),
                    renew: lifetime.zip(ahead).map(|(lifetime, ahead)| now + lifetime - ahead),
                    rejected: false,
                };
                *self.state() = State { held: Some(held), failed: None };
                Ok(keys)
            }
            Err(error) => {
                self.state().failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn recent_failure(&self) -> Option<CredentialsError> {
        let state = self.state();
        let (at, error) = state.failed.as_ref()?;
        (at.elapsed() < PAUSE_AFTER_FAILURE).then(|| error.clone())
    }

    /// Rejected keys are better than none: the rejection may have been about one permission.
    fn fallback(&self, error: CredentialsError) -> Result<Arc<Keys>, CredentialsError> {
        let state = self.state();
        let good = state.held.as_ref().filter(|held| held.expires.is_none_or(|at| Instant::now() < at));
        good.map(|held| held.keys.clone()).ok_or(error)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    pub(super) fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Keys {
        let token = session_token.filter(|token| !token.is_empty()).map(str::to_owned);
        let secret = aws_credential_types::Credentials::new(
            access_key_id,
            secret_access_key,
            token,
            None,
            "outrigger",
        );
        Keys { access_key_id: access_key_id.into(), secret }
    }

    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) fn for_signing(&self) -> aws_credential_types::Credentials {
        self.secret.clone()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}
