//! The labels of a series: sorted by name, unique, never with an empty value, shared by all that hold them.

use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    pub name: Arc<str>,
    pub value: Arc<str>,
}

/// Invariant: names ascend, no value is empty. An absent label and an empty one are the same to PromQL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[Label]>);

impl Default for Labels {
    fn default() -> Labels {
        Labels(Arc::from([]))
    }
}

impl<N: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(N, V)> for Labels {
    /// Sorts. Of two labels with one name the last stays.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Labels {
        let labels = pairs.into_iter().map(|(name, value)| Label { name: name.into(), value: value.into() });
        Labels::new(labels.collect())
    }
}

impl Labels {
    pub fn new(mut labels: Vec<Label>) -> Labels {
        labels.reverse();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        labels.dedup_by(|later, kept| later.name == kept.name);
        labels.retain(|label| !label.value.is_empty());
        Labels(labels.into())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, or the empty text where there is no such label.
    pub fn get(&self, name: &str) -> &str {
        match self.0.binary_search_by(|label| (*label.name).cmp(name)) {
            Ok(i) => &self.0[i].value,
            Err(_) => "",
        }
    }

    /// Only these.
    pub fn keep(&self, names: &[Arc<str>]) -> Labels {
        self.filter(|name| names.iter().any(|kept| **kept == *name))
    }

    /// All but these.
    pub fn without(&self, names: &[Arc<str>]) -> Labels {
        self.filter(|name| !names.iter().any(|dropped| **dropped == *name))
    }

    pub fn without_name(&self) -> Labels {
        if self.get(METRIC_NAME).is_empty() {
            return self.clone();
        }
        self.filter(|name| name != METRIC_NAME)
    }

    /// With this label set, or taken away if the value is empty.
    pub fn with(&self, name: &str, value: &str) -> Labels {
        let mut labels: Vec<Label> = self.0.iter().filter(|label| *label.name != *name).cloned().collect();
        if !value.is_empty() {
            let at = labels.partition_point(|label| *label.name < *name);
            labels.insert(at, Label { name: name.into(), value: value.into() });
        }
        Labels(labels.into())
    }

    fn filter(&self, keeps: impl Fn(&str) -> bool) -> Labels {
        Labels(self.0.iter().filter(|label| keeps(&label.name)).cloned().collect())
    }
}

/// As PromQL writes them: `{a="b", c="d"}`, the metric's name among them.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, label) in self.0.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{}={:?}", label.name, label.value)?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_unique_and_never_empty() {
        let labels: Labels = [("b", "1"), ("a", "2"), ("c", ""), ("b", "3")].into_iter().collect();
        assert_eq!(labels.to_string(), r#"{a="2", b="3"}"#);
        assert_eq!(labels.get("b"), "3");
        assert_eq!(labels.get("c"), "");
    }

    #[test]
    fn labels_are_set_and_taken_away() {
        let labels: Labels = [(METRIC_NAME, "up"), ("a", "1")].into_iter().collect();
        assert_eq!(labels.without_name().to_string(), r#"{a="1"}"#);
        assert_eq!(labels.with("b", "2").with("a", "").to_string(), r#"{__name__="up", b="2"}"#);
        assert_eq!(labels.keep(&["a".into(), "z".into()]).to_string(), r#"{a="1"}"#);
        assert_eq!(labels.without(&["a".into()]).to_string(), r#"{__name__="up"}"#);
    }
}
