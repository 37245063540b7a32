//! Every message about settings, as a user reads it. `UPDATE_GOLDEN=1` rewrites the expected texts.

use std::path::Path;

use config::{ByteSize, Diagnostics, FileId, Interval, Pattern, Secret, Setting, decode};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Exporter {
    endpoint: String,
    api_key: Secret,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    timeout: Interval,
    #[serde(default)]
    limit: ByteSize,
    #[serde(default)]
    compression: Compression,
    #[serde(default)]
    tls: Tls,
    #[serde(default)]
    users: Vec<User>,
    filter: Option<Pattern>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code)]
struct Tls {
    verify: bool,
    ca_file: Option<String>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct User {
    username: String,
    password: Secret,
}

/// Decodes settings whose entries stand on lines 2, 3, ... and compares what is said about them.
fn check(case: &str, mut setting: Setting) {
    let file = FileId::named("/etc/outrigger/config.yaml");
    for (line, (key, value)) in (2..).zip(setting.entries_mut()) {
        key.origin = Some(file.at(line, 5));
        value.origin = Some(file.at(line, 15));
    }
    let mut diagnostics = Diagnostics::new();
    let value = decode::<Exporter>(&setting.at(file.at(1, 1)), "exporter `shop`", &mut diagnostics);
    assert_eq!(value.is_none(), diagnostics.has_errors());
    golden(case, &diagnostics.render(false));
}

fn golden(case: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{case}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).expect("writes the expected text");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{} (UPDATE_GOLDEN=1 rewrites it)", path.display());
}

fn good() -> Setting {
    Setting::map().with("endpoint", "https://a").with("api_key", Setting::from("k").hide())
}

#[test]
fn all_faults_at_once() {
    let user = Setting::map().with("username", "u").with("shoe_size", 44);
    let setting = Setting::map()
        .with("endpiont", "https://a")
        .with("port", 70000)
        .with("timeout", "5 parsecs")
        .with("limit", Setting::list(["1"]))
        .with("compression", "gzp")
        .with("tls", Setting::map().with("verify", "perhaps").with("ca_flie", "x"))
        .with("users", Setting::list([user]))
        .with("filter", "(unclosed");
    check("all_faults_at_once", setting);
}

#[test]
fn missing_fields() {
    check("missing_fields", Setting::map());
}

#[test]
fn hidden_values() {
    let setting = Setting::map()
        .with("endpoint", "https://a")
        .with("api_key", Setting::list(["s3cr3t"]).hide())
        .with("port", Setting::from("s3cr3t").hide())
        .with("filter", Setting::from("(s3cr3t").hide());
    check("hidden_values", setting);
}

#[test]
fn list_items() {
    let setting = good().with("users", Setting::list([Setting::from("u:p"), Setting::map()]));
    check("list_items", setting);
}

#[test]
fn long_values_are_cut() {
    check("long_values", good().with("port", "9".repeat(200)));
}

#[test]
fn nothing_to_say() {
    check("nothing_to_say", good().with("port", "443"));
}
