//! `label_replace` and `label_join`: what they make of the labels of one series.

use regex::Regex;

use crate::error::Error;
use crate::labels::Labels;

pub struct Replace<'a> {
    target: &'a str,
    replacement: &'a str,
    source: &'a str,
    regex: Regex,
}

impl<'a> Replace<'a> {
    pub fn new(
        target: &'a str,
        replacement: &'a str,
        source: &'a str,
        pattern: &str,
    ) -> Result<Replace<'a>, Error> {
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
            Error::Execution(format!("invalid regular expression in label_replace(): {pattern}"))
        })?;
        check_name(target, "destination", "label_replace")?;
        Ok(Replace { target, replacement, source, regex })
    }

    /// Unchanged where the expression does not match.
    pub fn of(&self, labels: &Labels) -> Labels {
        let Some(found) = self.regex.captures(labels.get(self.source)) else { return labels.clone() };
        let mut value = String::new();
        found.expand(self.replacement, &mut value);
        labels.with(self.target, &value)
    }
}

pub struct Join<'a> {
    target: &'a str,
    separator: &'a str,
    sources: Vec<&'a str>,
}

impl<'a> Join<'a> {
    pub fn new(target: &'a str, separator: &'a str, sources: Vec<&'a str>) -> Result<Join<'a>, Error> {
        for source in &sources {
            check_name(source, "source", "label_join")?;
        }
        check_name(target, "destination", "label_join")?;
        Ok(Join { target, separator, sources })
    }

    pub fn of(&self, labels: &Labels) -> Labels {
        let values: Vec<&str> = self.sources.iter().map(|source| labels.get(source)).collect();
        labels.with(self.target, &values.join(self.separator))
    }
}

fn check_name(name: &str, role: &str, function: &str) -> Result<(), Error> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::Execution(format!("invalid {role} label name in {function}(): {name}")))
}

pub fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
