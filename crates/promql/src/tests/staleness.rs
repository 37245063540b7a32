//! Stale markers and the lookback.

use super::{MINUTE, at, over, x};
use crate::series::STALE;
use crate::{Options, is_stale};

#[test]
fn a_stale_marker_is_told_apart_by_its_bits() {
    assert!(is_stale(STALE));
    assert!(!is_stale(f64::NAN));
    assert!(!is_stale(-STALE));
    // What arithmetic makes of it is a NaN like any other.
    assert!(!is_stale(std::hint::black_box(STALE) + 1.0));
}

#[test]
fn a_series_ends_where_its_marker_stands() {
    let source = x(&[(0, 1.0), (MINUTE, STALE), (3 * MINUTE, 3.0)]);
    let options = Options::default();
    assert_eq!(at("x", &source, MINUTE - 1, &options), r#"{__name__="x"} 1"#);
    assert_eq!(at("x", &source, MINUTE, &options), "");
    assert_eq!(at("x", &source, 2 * MINUTE, &options), "");
    assert_eq!(at("x", &source, 3 * MINUTE, &options), r#"{__name__="x"} 3"#);
    assert_eq!(at("absent(x)", &source, 2 * MINUTE, &options), "{} 1");
    assert_eq!(at("count(x) or vector(0)", &source, 2 * MINUTE, &options), "{} 0");
    assert_eq!(at("timestamp(x)", &source, 2 * MINUTE, &options), "");
    assert_eq!(
        over("x", &source, (0, 4 * MINUTE, MINUTE), &options),
        r#"{__name__="x"} 1@0 3@180000 3@240000"#
    );
}

#[test]
fn ranges_do_not_see_markers() {
    let source = x(&[(0, 1.0), (MINUTE, STALE), (2 * MINUTE, 4.0), (3 * MINUTE, STALE)]);
    let options = Options { range_is_closed: true, ..Options::default() };
    assert_eq!(at("count_over_time(x[3m])", &source, 3 * MINUTE, &options), "{} 2");
    assert_eq!(at("x[3m]", &source, 3 * MINUTE, &options), r#"{__name__="x"} 1@0 4@120000"#);
    assert_eq!(at("delta(x[2m])", &source, 2 * MINUTE, &options), "{} 3");
    assert_eq!(at("last_over_time(x[3m])", &source, 3 * MINUTE, &options), r#"{__name__="x"} 4"#);
    // Nothing but a marker is nothing.
    assert_eq!(at("count_over_time(x[30s])", &source, 3 * MINUTE, &options), "");
    assert_eq!(at("absent_over_time(x[30s])", &source, 3 * MINUTE, &options), "{} 1");
}

#[test]
fn a_subquery_has_gaps_where_a_series_is_stale() {
    let source = x(&[(0, 1.0), (MINUTE, STALE), (3 * MINUTE, 3.0)]);
    let options = Options { range_is_closed: true, ..Options::default() };
    assert_eq!(at("x[4m:1m]", &source, 4 * MINUTE, &options), r#"{__name__="x"} 1@0 3@180000 3@240000"#);
}

#[test]
fn a_sample_lives_as_long_as_the_lookback() {
    let source = x(&[(0, 7.0)]);
    let options = Options::default();
    assert_eq!(at("x", &source, 5 * MINUTE - 1, &options), r#"{__name__="x"} 7"#);
    assert_eq!(at("x", &source, 5 * MINUTE, &options), "");
    let closed = Options { range_is_closed: true, ..Options::default() };
    assert_eq!(at("x", &source, 5 * MINUTE, &closed), r#"{__name__="x"} 7"#);
    assert_eq!(at("x", &source, 5 * MINUTE + 1, &closed), "");
    let short = Options { lookback: std::time::Duration::from_secs(60), ..Options::default() };
    assert_eq!(at("x", &source, MINUTE - 1, &short), r#"{__name__="x"} 7"#);
    assert_eq!(at("x", &source, MINUTE, &short), "");
    assert_eq!(at("x", &source, -1, &options), "");
}

#[test]
fn nan_is_a_value() {
    let source = x(&[(0, f64::NAN)]);
    let options = Options::default();
    assert_eq!(at("x", &source, 0, &options), r#"{__name__="x"} NaN"#);
    assert_eq!(at("count(x)", &source, 0, &options), "{} 1");
    assert_eq!(at("-x", &source, 0, &options), "{} NaN");
    assert_eq!(at("x == x", &source, 0, &options), "");
}
