//! Which samples a range takes at its very ends, and which times a query looks at.

use std::sync::Mutex;

use super::{MINUTE, at, over, series, x};
use crate::testing::{Memory, ready};
use crate::{Matcher, Options, Series, Source, SourceError, range};

fn minutely() -> Memory {
    x(&(0..10).map(|i| (i * MINUTE, i as f64)).collect::<Vec<_>>())
}

#[test]
fn a_range_is_open_at_its_start_unless_told_otherwise() {
    let (open, closed) = (Options::default(), Options { range_is_closed: true, ..Options::default() });
    assert_eq!(at("count_over_time(x[2m])", &minutely(), 5 * MINUTE, &open), "{} 2");
    assert_eq!(at("count_over_time(x[2m])", &minutely(), 5 * MINUTE, &closed), "{} 3");
    assert_eq!(at("count_over_time(x[2m:1m])", &minutely(), 5 * MINUTE, &open), "{} 2");
    assert_eq!(at("count_over_time(x[2m:1m])", &minutely(), 5 * MINUTE, &closed), "{} 3");
    // One sample is no rate, and a range as long as the interval holds but one.
    assert_eq!(at("rate(x[1m])", &minutely(), 5 * MINUTE, &open), "");
    assert_eq!(at("rate(x[1m]) * 60", &minutely(), 5 * MINUTE, &closed), "{} 1");
}

#[test]
fn steps_of_a_subquery_are_multiples_of_its_step() {
    let options = Options::default();
    let found = at("x[3m:2m]", &minutely(), 5 * MINUTE + 1, &options);
    assert_eq!(found, r#"{__name__="x"} 4@240000"#);
    let before_epoch = x(&[(-5 * MINUTE, 1.0)]);
    let found = at("x[4m:2m]", &before_epoch, -MINUTE, &options);
    assert_eq!(found, r#"{__name__="x"} 1@-240000 1@-120000"#);
}

#[test]
fn the_end_of_a_range_query_is_a_step() {
    let options = Options::default();
    assert_eq!(over("time()", &minutely(), (0, 2000, 1000), &options), "{} 0@0 1@1000 2@2000");
    assert_eq!(over("time()", &minutely(), (0, 1999, 1000), &options), "{} 0@0 1@1000");
    assert_eq!(over("time()", &minutely(), (5, 5, 1000), &options), "{} 0.005@5");
}

#[test]
fn series_that_follow_each_other_become_one() {
    let source = Memory(vec![
        series(&[("__name__", "a"), ("job", "j")], &[(0, 1.0)]),
        series(&[("__name__", "b"), ("job", "j")], &[(10 * MINUTE, 2.0)]),
    ]);
    let options = Options::default();
    let found = over(r#"abs({__name__=~"a|b"})"#, &source, (0, 10 * MINUTE, 10 * MINUTE), &options);
    assert_eq!(found, r#"{job="j"} 1@0 2@600000"#);
    let both = Memory(vec![
        series(&[("__name__", "a"), ("job", "j")], &[(0, 1.0)]),
        series(&[("__name__", "b"), ("job", "j")], &[(0, 2.0)]),
    ]);
    let found = at(r#"abs({__name__=~"a|b"})"#, &both, 0, &options);
    assert_eq!(found, "error: vector cannot contain metrics with the same labelset");
}

/// Writes down what it is asked.
#[derive(Default)]
struct Asked(Mutex<Vec<(String, i64, i64)>>);

impl Source for Asked {
    async fn select(&self, matchers: &[Matcher], from: i64, to: i64) -> Result<Vec<Series>, SourceError> {
        let text = matchers.iter().map(Matcher::to_string).collect::<Vec<_>>().join(",");
        self.0.lock().expect("no test panics holding it").push((text, from, to));
        Ok(vec![])
    }
}

#[test]
fn a_selector_is_asked_once_for_all_it_will_look_at() {
    let m = MINUTE;
    let x = |from: i64, to: i64| (r#"__name__="x""#.to_string(), from * m, to * m);
    let cases = [
        ("x", vec![x(95, 200)]),
        ("x + x", vec![x(95, 200)]),
        ("rate(x[10m])", vec![x(90, 200)]),
        ("rate(x[10m] offset 20m)", vec![x(70, 180)]),
        ("x offset -7m", vec![x(102, 207)]),
        ("x @ 600", vec![x(5, 10)]),
        ("x @ end() offset 10m", vec![x(185, 190)]),
        ("rate(x[10m] @ start())", vec![x(90, 100)]),
        ("max_over_time(x[1h:1m] offset 5m)", vec![x(30, 195)]),
        ("max_over_time(rate(x[10m])[30m:1m] @ 6000)", vec![x(60, 100)]),
        ("max_over_time((x @ 600)[30m:1m])", vec![x(5, 10)]),
        ("clamp_max(x offset 1m, scalar(x))", vec![x(94, 199), x(95, 200)]),
    ];
    for (text, wanted) in cases {
        let asked = Asked::default();
        ready(range(text, &asked, 100 * m, 200 * m, m, &Options::default())).expect(text);
        assert_eq!(*asked.0.lock().expect("no test panics holding it"), wanted, "{text}");
    }
}
