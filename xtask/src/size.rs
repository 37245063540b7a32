//! What is shipped: bytes and packages, for the log of every run of the checks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{Result, lean, licences};

/// The most a sidecar may weigh, in bytes.
const LEAN: u64 = 15_000_000;
/// The most the whole program may weigh, in bytes.
const FULL: u64 = 70_000_000;

pub fn print(sidecar: &Path, full: Option<&Path>) -> Result<()> {
    let mut fits = one("lean", sidecar, LEAN, &licences::lean()?)?;
    if let Some(full) = full {
        fits &= one("full", full, FULL, &licences::full()?)?;
    }
    lean::check(sidecar)?;
    let metadata = licences::metadata()?;
    println!("packages: {} in the lock file", metadata["packages"].as_array().map_or(0, Vec::len));
    if fits { Ok(()) } else { Err("a build is larger than its limit".into()) }
}

/// Whether it is within its limit.
fn one(build: &str, binary: &Path, limit: u64, packages: &BTreeSet<String>) -> Result<bool> {
    let bytes = fs::metadata(binary).map_err(|e| format!("{}: {e}", binary.display()))?.len();
    println!(
        "{build}: {bytes} bytes, {:.1} MB stripped (limit {}), {} packages linked into it",
        bytes as f64 / 1e6,
        limit / 1_000_000,
        packages.len()
    );
    Ok(bytes <= limit)
}
