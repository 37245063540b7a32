//! Keys over time: one fetch for all who wait, renewal ahead of expiry, old keys while they last.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::advance;

use crate::aws::credentials::Fetched;
use crate::aws::{Credentials, CredentialsError, Keys};

/// A source that takes a second and does as told: `Some(lifetime)` or a failure.
struct Source {
    credentials: Credentials,
    fetches: Arc<AtomicUsize>,
}

fn source(script: &[Option<u64>]) -> Source {
    let fetches = Arc::new(AtomicUsize::new(0));
    let script = Arc::new(Mutex::new(VecDeque::from(script.to_vec())));
    let count = fetches.clone();
    let credentials = Credentials::from_source(move || {
        let n = count.fetch_add(1, Ordering::SeqCst) + 1;
        let next = script.lock().unwrap().pop_front().expect("no more fetches expected");
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Some(lifetime) = next else {
                let (from, problem) = ("the test".into(), "down".into());
                return Err(CredentialsError::Unavailable { from, problem });
            };
            let keys = Keys::new(&format!("K{n}"), "secret", None);
            Ok(Fetched { keys, lifetime: Some(Duration::from_secs(lifetime)) })
        })
    });
    Source { credentials, fetches }
}

impl Source {
    async fn id(&self) -> String {
        match self.credentials.get().await {
            Ok(keys) => keys.access_key_id().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Lets a renewal in the background finish.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

const HOUR: u64 = 3600;

#[tokio::test(start_paused = true)]
async fn many_who_wait_share_one_fetch() {
    let source = source(&[Some(HOUR)]);
    let (a, b, c) = tokio::join!(source.id(), source.id(), source.id());
    assert_eq!([a, b, c], ["K1", "K1", "K1"]);
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn renews_five_minutes_ahead_without_making_anyone_wait() {
    let source = source(&[Some(HOUR), Some(HOUR)]);
    assert_eq!(source.id().await, "K1");
    advance(Duration::from_secs(HOUR - 305)).await;
    assert_eq!(source.id().await, "K1");
    source.settle().await;
    assert_eq!(source.fetches(), 1, "not yet");
    advance(Duration::from_secs(5)).await;
    assert_eq!(source.id().await, "K1", "the old ones serve meanwhile");
    assert_eq!(source.id().await, "K1");
    source.settle().await;
    assert_eq!(source.id().await, "K2");
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn old_keys_serve_until_they_expire_when_renewal_fails() {
    let source = source(&[Some(HOUR), None, None, None, Some(HOUR)]);
    assert_eq!(source.id().await, "K1");
    advance(Duration::from_secs(HOUR - 200)).await;
    for _ in 0..2 {
        assert_eq!(source.id().await, "K1");
        source.settle().await;
    }
    assert_eq!(source.fetches(), 3);
    advance(Duration::from_secs(200)).await;
    assert_eq!(source.id().await, "no AWS credentials from the test yet: down");
    // Who asks right after a failure is not made to wait for another.
    assert_eq!(source.id().await, "no AWS credentials from the test yet: down");
    assert_eq!(source.fetches(), 4);
    advance(Duration::from_secs(2)).await;
    assert_eq!(source.id().await, "K5");
}

#[tokio::test(start_paused = true)]
async fn rejected_keys_are_fetched_anew_but_not_in_a_storm() {
    let source = source(&[Some(HOUR), Some(HOUR), None]);
    let keys = source.credentials.get().await.unwrap();
    source.credentials.invalidate(&keys);
    assert_eq!(source.id().await, "K1", "too young to be at fault");
    advance(Duration::from_secs(60)).await;
    source.credentials.invalidate(&keys);
    assert_eq!(source.id().await, "K2");
    advance(Duration::from_secs(60)).await;
    source.credentials.invalidate(&keys);
    assert_eq!(source.id().await, "K2", "a late complaint about older keys changes nothing");
    let second = source.credentials.get().await.unwrap();
    source.credentials.invalidate(&second);
    assert_eq!(source.id().await, "K2", "rejected keys are better than none");
}

#[tokio::test(start_paused = true)]
async fn short_lived_keys_are_used_for_most_of_their_life() {
    let source = source(&[Some(90), Some(90)]);
    assert_eq!(source.id().await, "K1");
    advance(Duration::from_secs(59)).await;
    assert_eq!(source.id().await, "K1");
    source.settle().await;
    assert_eq!(source.fetches(), 1);
    assert_eq!(source.id().await, "K1");
    source.settle().await;
    assert_eq!(source.id().await, "K2");
}

#[test]
fn keys_show_their_id_only() {
    let keys = Keys::new("AKID", "secret", Some("token"));
    assert_eq!(format!("{keys:?}"), "Keys { access_key_id: \"AKID\", .. }");
}
