//! Names: what is kept for how long, and what is never looked up.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::advance;

use crate::http::Resolver;

/// Answers with `10.0.0.N` for the N-th lookup, fails from the third on, hangs from the fifth on.
fn failing() -> (Resolver, Arc<AtomicUsize>) {
    let lookups = Arc::new(AtomicUsize::new(0));
    let count = lookups.clone();
    let resolver = Resolver::with(move |_| {
        let n = count.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move {
            match n {
                1 | 2 => Ok(vec![IpAddr::from([10, 0, 0, n as u8])]),
                3 | 4 => Err(io::Error::other("SERVFAIL")),
                _ => std::future::pending().await,
            }
        })
    });
    (resolver, lookups)
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_stands_in_for_a_resolver_that_fails() {
    let (resolver, lookups) = failing();
    let ask = async || match resolver.addresses("intake.example").await {
        Ok(addresses) => addresses[0].to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(ask().await, "10.0.0.1");
    assert_eq!((ask().await.as_str(), lookups.load(Ordering::SeqCst)), ("10.0.0.1", 1));
    advance(Duration::from_secs(31)).await;
    assert_eq!(ask().await, "10.0.0.2");
    advance(Duration::from_secs(31)).await;
    assert_eq!((ask().await.as_str(), lookups.load(Ordering::SeqCst)), ("10.0.0.2", 3));
    advance(Duration::from_secs(3600)).await;
    assert_eq!(
        ask().await,
        "cannot find the address of `intake.example` (SERVFAIL); check the name and that this network's DNS knows it"
    );
    assert!(ask().await.contains("(the resolver did not answer in 5 s)"));
}

#[tokio::test]
async fn families_alternate_and_addresses_are_not_looked_up() {
    let resolver = Resolver::with(|host| {
        assert_eq!(host, "both.example");
        Box::pin(async {
            let all = ["2001:db8::1", "2001:db8::2", "192.0.2.1"];
            Ok(all.iter().map(|a| a.parse().unwrap()).collect())
        })
    });
    let ask = async |host: &str| {
        let addresses = resolver.addresses(host).await.unwrap();
        addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ask("both.example").await, "2001:db8::1 192.0.2.1 2001:db8::2");
    assert_eq!(ask("192.0.2.7").await, "192.0.2.7");
    assert_eq!(ask("[::1]").await, "::1");
    assert_eq!(ask("localhost").await, "127.0.0.1 ::1");
}

#[tokio::test]
async fn no_answer_is_an_error() {
    let resolver = Resolver::with(|_| Box::pin(async { Ok(Vec::new()) }));
    let error = resolver.addresses("empty.example").await.unwrap_err().to_string();
    assert!(error.contains("(the name has no address)"), "{error}");
}
