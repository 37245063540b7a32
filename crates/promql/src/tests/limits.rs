//! What a query may cost, and what becomes of one that costs more.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::{MINUTE, at, over, series};
use crate::testing::{Memory, ready};
use crate::{Error, Kind, Matcher, Options, Series, Source, SourceError, instant};

/// A hundred series of sixty samples.
fn many() -> Memory {
    let one = |n: usize| {
        let samples: Vec<(i64, f64)> = (0..60).map(|i| (i * MINUTE, i as f64)).collect();
        series(&[("__name__", "x"), ("n", &n.to_string())], &samples)
    };
    Memory((0..100).map(one).collect())
}

const TOO_MANY: &str = "error: query processing would load too many samples into memory: more than";

#[test]
fn samples_are_bounded() {
    let few = Options { max_samples: 1000, ..Options::default() };
    let hour = (0, 60 * MINUTE, MINUTE);
    assert_eq!(over("x", &many(), hour, &few), format!("{TOO_MANY} 1000"), "read");
    let some = Options { max_samples: 7000, ..Options::default() };
    assert_eq!(
        over("x", &many(), hour, &some),
        format!("{TOO_MANY} 7000"),
        "the vector beside what was read"
    );
    assert!(over("sum(x)", &many(), (0, 5 * MINUTE, MINUTE), &some).starts_with("{} 0@0"));
    // A subquery of thirty thousand million steps has none of them in memory before it is refused.
    for text in ["sum_over_time(vector(1)[10y:10ms])", "max_over_time(x[10y:10ms])", "time()[10y:10ms]"] {
        let found = at(text, &many(), 0, &Options::default());
        assert!(found.starts_with(TOO_MANY) || text.starts_with("time"), "{text}: {found}");
    }
}

#[test]
fn what_was_held_is_given_back() {
    let text = ["sum(x)"; 100].join(" + ");
    let options = Options { max_samples: 25_000, ..Options::default() };
    assert!(over(&text, &many(), (0, 60 * MINUTE, MINUTE), &options).starts_with("{} 0@0"));
}

#[test]
fn steps_are_bounded() {
    let options = Options::default();
    assert!(over("1", &many(), (0, 11_000, 1), &options).starts_with("{} 1@0"));
    let error = over("1", &many(), (0, 11_001, 1), &options);
    assert!(
        error.starts_with("error: exceeded maximum resolution of 11000 points per timeseries"),
        "{error}"
    );
    assert!(over("1", &many(), (0, 1, 0), &options).contains("zero or negative query resolution"));
    assert!(over("1", &many(), (1, 0, 1), &options).contains("end timestamp must not be before start"));
    assert!(over("1", &many(), (i64::MIN, i64::MAX, 1), &options).starts_with("error: exceeded"));
    assert!(over("1", &many(), (i64::MIN, i64::MIN, 1), &options).contains("time out of range"));
}

#[test]
fn a_query_ends_at_its_deadline() {
    let over_now = Options { deadline: Some(Instant::now()), ..Options::default() };
    assert_eq!(at("1", &many(), 0, &over_now), "error: query timed out");
    // Far more work than fits the time; it is noticed on the way.
    let soon = Options { deadline: Some(Instant::now() + Duration::from_millis(50)), ..Options::default() };
    let text = "sum(quantile_over_time(0.5, x[1h:1s]))";
    let started = Instant::now();
    let found = over(text, &many(), (0, 11_000 * 60_000, 60_000), &soon);
    assert!(found.starts_with("error: query timed out") || found.starts_with(TOO_MANY), "{found}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_query_can_be_canceled() {
    let canceled = Options { canceled: Some(Arc::new(AtomicBool::new(true))), ..Options::default() };
    assert_eq!(at("1", &many(), 0, &canceled), "error: query was canceled");
}

#[test]
fn a_query_may_move_between_threads() {
    fn movable<T: Send>(future: T) -> T {
        future
    }
    let (source, options) = (many(), Options::default());
    assert!(ready(movable(instant("sum(x)", &source, 0, &options))).is_ok());
    assert!(ready(movable(crate::range("sum(x)", &source, 0, 1, 1, &options))).is_ok());
}

struct Broken(fn() -> SourceError);

impl Source for Broken {
    async fn select(&self, _: &[Matcher], _: i64, _: i64) -> Result<Vec<Series>, SourceError> {
        Err(self.0())
    }
}

#[test]
fn what_the_source_says_is_passed_on() {
    let kind = |source: Broken| {
        let error = ready(instant("x", &source, 0, &Options::default())).expect_err("it fails");
        assert!(matches!(error, Error::Source(_)));
        error.kind()
    };
    assert_eq!(kind(Broken(|| SourceError::Timeout)), Kind::Timeout);
    assert_eq!(kind(Broken(|| SourceError::Canceled)), Kind::Canceled);
    assert_eq!(kind(Broken(|| SourceError::TooMuch("10 GB".into()))), Kind::Execution);
    assert_eq!(kind(Broken(|| SourceError::Failed("disk".into()))), Kind::Internal);
}
