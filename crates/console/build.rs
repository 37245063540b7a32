//! Embeds the pages that `make console` has built into `ui/dist`; without them a page says how to build them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut list = String::from("pub(crate) static FILES: &[File] = &[\n");
    for (name, path) in files(&dist, "") {
        if name.ends_with(".br") || name.ends_with(".gz") || name.ends_with(".map") {
            continue;
        }
        let bytes = |path: &Path| match path.exists() {
            true => format!("Some(include_bytes!({:?}))", path.display().to_string()),
            false => "None".to_owned(),
        };
        let with = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
        let _ = writeln!(
            list,
            "    File {{ name: {name:?}, plain: include_bytes!({:?}), gzip: {}, brotli: {} }},",
            path.display().to_string(),
            bytes(&with("gz")),
            bytes(&with("br"))
        );
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where")).join("files.rs");
    fs::write(out, list).expect("the list can be written");
}

/// Every file below, by the path it is asked for.
fn files(folder: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().to_string_lossy()));
        match path.is_dir() {
            true => found.extend(files(&path, &format!("{name}/"))),
            false => found.push((name, path.canonicalize().unwrap_or(path))),
        }
    }
    found.sort();
    found
}
