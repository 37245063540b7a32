//! The project's own tools: `cargo run -p xtask -- COMMAND`. The Makefile calls them.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A tool talks to whoever started it.

mod image;
mod lean;
mod licences;
mod size;
mod tar;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: xtask COMMAND
  image BINARY NAME TARBALL
                         write an OCI image that holds the static BINARY and nothing else
  size LEAN [FULL]       print what is shipped, bytes and packages, and try what the lean one answers
  tidy                   licences, changelog entries, file headers and lengths";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["image", binary, name, tarball] => image::write(Path::new(binary), name, Path::new(tarball)),
        ["size", lean] => size::print(Path::new(lean), None),
        ["size", lean, full] => size::print(Path::new(lean), Some(Path::new(full))),
        ["tidy"] => tidy::check(),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}
