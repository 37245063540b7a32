//! What is shipped: bytes and packages, for the log of every run of the checks.

use std::fs;
use std::path::Path;

use crate::{Result, licences};

/// The most a sidecar may weigh.
const LIMIT: u64 = 15_000_000;

pub fn print(binary: &Path) -> Result<()> {
    let bytes = fs::metadata(binary).map_err(|e| format!("{}: {e}", binary.display()))?.len();
    let metadata = licences::metadata()?;
    println!(
        "binary: {bytes} bytes, {:.1} MB stripped (aim 8, limit {})",
        bytes as f64 / 1e6,
        LIMIT / 1_000_000
    );
    println!(
        "packages: {} linked into it, {} in the lock file",
        licences::shipped()?.len(),
        metadata["packages"].as_array().map_or(0, Vec::len)
    );
    if bytes > LIMIT { Err(format!("the binary is larger than {LIMIT} bytes").into()) } else { Ok(()) }
}
