//! Holds the licences and sources of what is shipped to `deny.toml`, without another tool.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::{Result, root};

/// `cargo metadata` of the workspace with everything it depends on.
pub fn metadata() -> Result<Value> {
    Ok(serde_json::from_slice(&cargo(&["metadata", "--format-version", "1", "--locked"])?)?)
}

fn cargo(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(arguments)
        .current_dir(root())
        .output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

pub fn faults() -> Result<Vec<String>> {
    let policy = std::fs::read_to_string(root().join("deny.toml"))?;
    let allowed = allowed(&policy);
    let banned: Vec<&str> =
        policy.split("{ name = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let metadata = metadata()?;
    let lean = lean()?;
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let licence = text(&package["license"]);
        if !is_allowed(licence, &allowed) {
            faults.push(format!(
                "{name} {version} has the licence {licence:?}, which deny.toml does not allow"
            ));
        }
        let source = text(&package["source"]);
        if !source.is_empty() && !source.contains("github.com/rust-lang/crates.io-index") {
            faults.push(format!("{name} {version} comes from {source}"));
        }
        if banned.contains(&name) && lean.contains(&format!("{name} {version}")) {
            faults.push(format!("{name} {version} is in the lean build, which deny.toml bans"));
        }
    }
    Ok(faults)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The list under `allow` in `[licenses]`.
fn allowed(policy: &str) -> Vec<&str> {
    let list = policy.split("allow = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    list.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()).collect()
}

/// Whether an SPDX expression can be satisfied: one side of each OR, both sides of each AND.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ");
    let expression = expression.trim();
    if let Some(inner) = expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
        && !inner.contains('(')
    {
        return is_allowed(inner, allowed);
    }
    for (word, all) in [(" AND ", true), (" OR ", false)] {
        let parts = split_outside(expression, word);
        if parts.len() > 1 {
            let mut parts = parts.into_iter().map(|part| is_allowed(part, allowed));
            return if all { parts.all(|fine| fine) } else { parts.any(|fine| fine) };
        }
    }
    allowed.contains(&expression)
}

/// Splits at `word` where no bracket is open.
fn split_outside<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for (at, _) in text.match_indices(word) {
        let before = &text[..at];
        if before.matches('(').count() == before.matches(')').count() {
            parts.push(text[start..at].trim());
            start = at + word.len();
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// The packages linked into the lean program, each as its name and version. Features that only tests switch
/// on do not count, which the resolved graph of `cargo metadata` cannot tell.
pub fn lean() -> Result<BTreeSet<String>> {
    linked(&["--no-default-features", "--features", "sidecar"])
}

/// As [`lean`], of the whole program.
pub fn full() -> Result<BTreeSet<String>> {
    linked(&[])
}

fn linked(features: &[&str]) -> Result<BTreeSet<String>> {
    let mut arguments =
        vec!["tree", "--package", "outrigger", "--edges", "normal", "--prefix", "none", "--locked"];
    arguments.extend(features);
    let lines = cargo(&arguments)?;
    let package = |line: &str| {
        let mut words = line.split(' ');
        Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    Ok(String::from_utf8(lines)?.lines().filter_map(package).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let allowed = ["MIT", "ISC", "Apache-2.0"];
        for fine in
            ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "ISC AND (MIT OR LGPL-2.1)", "(MIT OR X) AND ISC"]
        {
            assert!(is_allowed(fine, &allowed), "{fine}");
        }
        for bad in ["", "GPL-3.0", "ISC AND GPL-3.0", "(MIT OR ISC) AND LGPL-2.1"] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }
}
