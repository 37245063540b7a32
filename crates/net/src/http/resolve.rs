//! Names to addresses through the system's resolver, which knows the hosts file and the task's DNS.
//!
//! An answer is kept for a while, and kept much longer as a fallback: in a task's own network DNS fails
//! for seconds at a time, and the address of an intake has rarely changed when it does.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::HttpError;

/// getaddrinfo tells no TTL. Load balancers use 60 s; half of that follows them closely enough.
const FRESH: Duration = Duration::from_secs(30);

/// How long an old answer stands in for a resolver that fails.
const STALE: Duration = Duration::from_secs(3600);

/// The system's own default is 5 s a server and two tries, which is most of a delivery timeout.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Names kept. A sidecar talks to a handful; discovery goes by address.
const MAX_NAMES: usize = 256;

type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
type Lookup = dyn Fn(String) -> Answer + Send + Sync;

/// Cheap to clone; clones share the cache.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    lookup: Box<Lookup>,
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    addresses: Vec<IpAddr>,
    at: Instant,
}

impl Resolver {
    pub fn system() -> Resolver {
        Resolver::with(|host| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }

    /// Another source of addresses, such as a fixed table in a test.
    pub fn with(lookup: impl Fn(String) -> Answer + Send + Sync + 'static) -> Resolver {
        Resolver(Arc::new(Inner { lookup: Box::new(lookup), kept: Mutex::default() }))
    }

    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, HttpError> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(vec![address]);
        }
        // An empty root file system has no hosts file, and then even this name does not resolve.
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        }
        if let Some(addresses) = self.kept(host, FRESH) {
            return Ok(addresses);
        }
        let detail = match timeout(LOOKUP_TIMEOUT, (self.0.lookup)(host.to_owned())).await {
            Ok(Ok(addresses)) if !addresses.is_empty() => {
                let addresses = interleave(addresses);
                self.keep(host, &addresses);
                return Ok(addresses);
            }
            Ok(Ok(_)) => "the name has no address".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the resolver did not answer in 5 s".to_owned(),
        };
        self.kept(host, STALE)
            .inspect(|_| tracing::warn!(host, detail, "name lookup failed; using the last known address"))
            .ok_or_else(|| HttpError::Resolve { host: host.into(), detail })
    }

    fn kept(&self, host: &str, for_at_most: Duration) -> Option<Vec<IpAddr>> {
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(host).filter(|kept| kept.at.elapsed() < for_at_most).map(|kept| kept.addresses.clone())
    }

    fn keep(&self, host: &str, addresses: &[IpAddr]) {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_NAMES {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.at).map(|(host, _)| host.clone());
            oldest.and_then(|host| kept.remove(&host));
        }
        kept.insert(host.into(), Kept { addresses: addresses.into(), at: Instant::now() });
    }
}

/// Families alternate, the resolver's first choice first (RFC 8305), so that a dead family costs one step.
fn interleave(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let first_is_v4 = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let (a, b) = (first.next(), second.next());
        if a.is_none() && b.is_none() {
            return mixed;
        }
        mixed.extend(a.into_iter().chain(b));
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}
