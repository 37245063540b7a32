//! The shape of the workspace, held against `cargo metadata` and the tree: dependencies point down the layers,
//! the map names what exists.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What serves tests, or is a tool: nothing that ships depends on these.
const TOOLS: [&str; 4] = ["testkit", "xtask", "bench", "fuzz"];

/// Our crates, by layer.
const LAYERS: [&[&str]; 5] = [
    &["model"],
    &["wire", "config", "net", "telemetry", "pages", "ottl", "insights", "promql", "lake"],
    &["engine", "frontends", "query"],
    &["receivers", "processors", "exporters", "console", "demo"],
    &["outrigger"],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace exists")
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

#[test]
fn dependencies_point_down() {
    let layer: HashMap<&str, usize> =
        LAYERS.iter().enumerate().flat_map(|(n, names)| names.iter().map(move |name| (*name, n))).collect();
    let mut faults = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a name").to_owned();
        let Some(own) = layer.get(name.as_str()) else { continue };
        for dependency in package["dependencies"].as_array().expect("a list") {
            let to = dependency["name"].as_str().expect("a name");
            let tests_only = dependency["kind"] == "dev";
            if tests_only {
                continue;
            }
            match layer.get(to) {
                Some(other) if other >= own => {
                    faults.push(format!("{name} (layer {own}) uses {to} (layer {other})"))
                }
                None if TOOLS.contains(&to) => faults.push(format!("{name} ships {to}")),
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_crate_has_a_layer_and_a_place_on_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map exists");
    for package in packages() {
        let name = package["name"].as_str().expect("a name").to_owned();
        let layered = LAYERS.iter().any(|names| names.contains(&name.as_str()));
        assert!(layered || TOOLS.contains(&name.as_str()), "{name} has no layer");
        assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name `{name}`");
    }
}

#[test]
fn every_path_on_the_map_exists() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map exists");
    let missing: Vec<_> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| {
            text.contains('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        })
        .filter(|text| {
            text.starts_with("crates/") || text.starts_with("docs/") || text.starts_with("fixtures/")
        })
        .filter(|text| !root().join(text).exists())
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what does not exist: {missing:?}");
}

#[test]
fn only_net_opens_sockets() {
    let openers = [
        "TcpListener::bind",
        "UnixListener::bind",
        "TcpStream::connect",
        "UnixStream::connect",
        "UdpSocket::bind",
    ];
    let mut faults = Vec::new();
    for name in LAYERS.iter().flat_map(|names| names.iter()).filter(|name| **name != "net") {
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            // Tests stand at the end of a file or in files of their own, and may be the other side.
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            if !file.to_string_lossy().contains("test")
                && openers.iter().any(|opener| shipped.contains(opener))
            {
                faults.push(file);
            }
        }
    }
    assert!(faults.is_empty(), "{faults:?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
