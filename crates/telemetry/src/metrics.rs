//! Writes metrics in Prometheus' text form, so that `promtool check metrics` has nothing to say.

use std::collections::HashSet;
use std::fmt::{Display, Write};

/// What `/metrics` answers with.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of metrics. Each family is written once, with all its samples together.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    families: HashSet<String>,
}

/// One metric: its samples differ in labels.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: String,
}

impl Exposition {
    pub fn new() -> Exposition {
        Exposition::default()
    }

    /// A count that only rises. Its name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str) -> Family<'_> {
        debug_assert!(name.ends_with("_total"), "bug: counter `{name}` must end in `_total`");
        self.family(name, "counter", help)
    }

    /// A value that rises and falls, in base units: bytes, seconds, ratios.
    pub fn gauge(&mut self, name: &str, help: &str) -> Family<'_> {
        debug_assert!(!name.ends_with("_total"), "bug: gauge `{name}` must not end in `_total`");
        self.family(name, "gauge", help)
    }

    /// A count under another program's name, which need not end in `_total`.
    pub fn foreign_counter(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) -> Family<'_> {
        debug_assert!(is_name(name), "bug: `{name}` is no metric name");
        let first = self.families.insert(name.to_owned());
        debug_assert!(first, "bug: metric `{name}` is written twice; its samples belong together");
        let _ = writeln!(self.text, "# HELP {name} {}", escape(help, false));
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
        Family { text: &mut self.text, name: name.to_owned() }
    }

    pub fn finish(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// Adds a sample. Labels with an empty value mean the same as no label and are left out.
    pub fn value(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        match value {
            f64::INFINITY => self.sample(labels, &"+Inf"),
            f64::NEG_INFINITY => self.sample(labels, &"-Inf"),
            _ => self.sample(labels, &value),
        }
    }

    /// As `value`, to the last digit: ledgers are compared.
    pub fn count(&mut self, labels: &[(&str, &str)], count: u64) -> &mut Self {
        self.sample(labels, &count)
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: &dyn Display) -> &mut Self {
        self.text.push_str(&self.name);
        let mut separator = '{';
        for (name, label) in labels.iter().filter(|(_, label)| !label.is_empty()) {
            debug_assert!(is_name(name) && !name.contains(':'), "bug: `{name}` is no label name");
            let _ = write!(self.text, "{separator}{name}=\"{}\"", escape(label, true));
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
        self
    }
}

fn is_name(name: &str) -> bool {
    let start = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(start) && name.chars().all(|c| start(c) || c.is_ascii_digit())
}

fn escape(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_families_with_escaped_labels() {
        let mut page = Exposition::new();
        page.counter("outrigger_records_total", "Records\nin \\ out.")
            .count(&[("component", "a\"b\\c\nd"), ("reason", "")], 3)
            .count(&[("component", "x"), ("reason", "full")], 1 << 60);
        page.gauge("outrigger_ratio", "A ratio.").value(&[], 0.25).value(&[("q", "1")], f64::INFINITY);
        let expected = "# HELP outrigger_records_total Records\\nin \\\\ out.\n\
                        # TYPE outrigger_records_total counter\n\
                        outrigger_records_total{component=\"a\\\"b\\\\c\\nd\"} 3\n\
                        outrigger_records_total{component=\"x\",reason=\"full\"} 1152921504606846976\n\
                        # HELP outrigger_ratio A ratio.\n\
                        # TYPE outrigger_ratio gauge\n\
                        outrigger_ratio 0.25\n\
                        outrigger_ratio{q=\"1\"} +Inf\n";
        assert_eq!(page.finish(), expected);
    }

    #[test]
    #[should_panic(expected = "is written twice")]
    fn refuses_a_family_in_two_pieces() {
        let mut page = Exposition::new();
        page.gauge("a", "A.").value(&[], 1.0);
        page.gauge("a", "A.").value(&[], 2.0);
    }
}
