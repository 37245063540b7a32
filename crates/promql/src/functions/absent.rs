//! What `absent` and `absent_over_time` call the series that is not there.

use crate::labels::{Labels, METRIC_NAME};
use crate::matcher::{MatchOp, Matcher};
use crate::syntax::Expr;

/// The labels that a selector names exactly; none of anything but a selector.
pub fn labels(expr: &Expr) -> Labels {
    match expr {
        Expr::Selector(selector) => of_matchers(&selector.matchers),
        Expr::Range(range) => of_matchers(&range.selector.matchers),
        _ => Labels::default(),
    }
}

/// A label that is named twice is not named at all, as it always was.
fn of_matchers(matchers: &[Matcher]) -> Labels {
    let mut labels = Labels::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| *matcher.name != *METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&&*matcher.name) {
            labels = labels.with(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            labels = labels.with(&matcher.name, "");
        }
    }
    labels
}
