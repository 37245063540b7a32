//! Embeds the pages that `make console` has built into `ui/`; without them a page says how to build them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Each folder of built pages, and what the list of its files is called.
const FOLDERS: [(&str, &str); 2] = [("dist", "CONSOLE_FILES"), ("dist-lean", "PIPELINES_FILES")];

fn main() {
    let mut lists = String::new();
    for (folder, list) in FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui").join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        write_list(&mut lists, list, &folder);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where")).join("files.rs");
    fs::write(out, lists).expect("the lists can be written");
}

fn write_list(lists: &mut String, list: &str, folder: &Path) {
    let _ = writeln!(lists, "static {list}: &[File] = &[");
    for (name, path) in files(folder, "") {
        if name.ends_with(".br") || name.ends_with(".gz") || name.ends_with(".map") {
            continue;
        }
        let bytes = |path: &Path| match path.exists() {
            true => format!("Some(include_bytes!({:?}))", path.display().to_string()),
            false => "None".to_owned(),
        };
        let with = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
        let _ = writeln!(
            lists,
            "    File {{ name: {name:?}, plain: include_bytes!({:?}), gzip: {}, brotli: {} }},",
            path.display().to_string(),
            bytes(&with("gz")),
            bytes(&with("br"))
        );
    }
    lists.push_str("];\n");
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
