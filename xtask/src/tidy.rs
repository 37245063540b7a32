//! What no compiler checks: licences, how files open and how long they are, changelog entries.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, licences, root};

/// Nine in ten files stay far below; beyond this a file is two.
const MAX_LINES: usize = 650;
const KINDS: [&str; 5] = ["added", "changed", "fixed", "removed", "security"];

pub fn check() -> Result<()> {
    let mut faults = licences::faults()?;
    for folder in ["crates", "xtask", "bench", "fuzz"] {
        sources(&root().join(folder)).iter().for_each(|file| faults.extend(source_faults(file)));
    }
    faults.extend(changelog_faults()?);
    if faults.is_empty() {
        println!("tidy: licences, file headers, lengths and changelog entries are in order");
        return Ok(());
    }
    Err(faults.join("\n").into())
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn source_faults(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let name = file.strip_prefix(root()).unwrap_or(file).display();
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("{name} does not open with `//!`: say what it is for"));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("{name} has {lines} lines, more than {MAX_LINES}: split it"));
    }
    faults
}

fn changelog_faults() -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for entry in fs::read_dir(root().join("changelog.d"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let parts: Vec<&str> = name.split('.').collect();
        let fits = matches!(parts[..], [_, kind, "md"] if KINDS.contains(&kind));
        if name != "README.md" && !fits {
            faults.push(format!("changelog.d/{name}: a name is <topic>.<kind>.md, with a kind of {KINDS:?}"));
        }
    }
    Ok(faults)
}
