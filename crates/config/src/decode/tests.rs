//! Faults of one map of settings, all at once, each at its place.

use serde::Deserialize;

use super::*;
use crate::{ByteSize, Interval, Key, Secret};

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
    extra: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
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

/// Numbers the entries of a map as lines, so that each message shows where it points.
fn placed(mut setting: Setting) -> Setting {
    let file = crate::FileId::named("test.conf");
    for (index, (key, value)) in setting.entries_mut().iter_mut().enumerate() {
        let line = index as u32 + 2;
        key.origin = Some(file.at(line, 5));
        value.origin = Some(file.at(line, 20));
    }
    setting.at(file.at(1, 1))
}

fn faults(setting: Setting) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    let value = decode::<Exporter>(&placed(setting), "exporter `x`", &mut diagnostics);
    assert_eq!(value.is_none(), diagnostics.has_errors());
    diagnostics
        .iter()
        .map(|d| {
            let help = d.help.as_deref().map(|h| format!(" ({h})")).unwrap_or_default();
            format!("{}: {}{help}", d.origin.map(|o| o.to_string()).unwrap_or_default(), d.message)
        })
        .collect()
}

#[test]
fn good_settings_decode_with_conversions() {
    let setting = Setting::map()
        .with("endpoint", "https://a")
        .with("api_key", 1234)
        .with("port", " 443 ")
        .with("timeout", "1m30s")
        .with("limit", "64MiB")
        .with("compression", "GZIP")
        .with("tls", Setting::map().with("verify", "on").with("ca_file", Node::Null))
        .with("users", Setting::list([Setting::map().with("username", "u").with("password", "p")]))
        .with("extra", "off");
    let mut diagnostics = Diagnostics::new();
    let config: Exporter = decode(&setting, "exporter `x`", &mut diagnostics).expect("decodes");
    assert_eq!((config.port, config.limit, config.timeout.as_secs()), (443, ByteSize::mib(64), 90));
    assert_eq!(
        (config.compression, config.api_key.reveal(), config.extra),
        (Compression::Gzip, "1234", Some(false))
    );
    assert!(config.tls.verify && config.tls.ca_file.is_none());
    assert_eq!(config.users[0].password.reveal(), "p");
}

#[test]
fn a_wrong_required_value_is_reported_once() {
    let setting = Setting::map().with("endpoint", Setting::map()).with("api_key", "k").with("extra", 3);
    assert_eq!(
        faults(setting),
        [
            "test.conf:2:20: `endpoint` of exporter `x` must be text, not a map",
            "test.conf:4:20: `extra` of exporter `x` must be true or false, not `3`",
        ]
    );
}

#[test]
fn a_hidden_value_does_not_appear_in_its_fault() {
    let setting = Setting::map()
        .with("endpoint", "e")
        .with("api_key", Setting::list(["s3cr3t"]).hide())
        .with("port", Setting::from("s3cr3t").hide());
    let found = faults(setting).join("\n");
    assert!(!found.contains("s3cr3t"), "{found}");
    assert!(found.contains("not a value that is not shown"), "{found}");
}

#[test]
fn what_is_no_map_is_refused_at_its_place() {
    let mut diagnostics = Diagnostics::new();
    let setting = Setting::from("text").at(Origin::file("test.conf", 1, 1));
    assert!(decode::<Exporter>(&setting, "exporter `x`", &mut diagnostics).is_none());
    assert_eq!(
        diagnostics.render(false),
        "error: exporter `x` must be a map of settings, not `text`\n  --> test.conf:1:1\n"
    );
}

#[test]
fn denied_and_flattened_structs_name_unknown_keys_too() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        #[serde(default)]
        one: u8,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Inner {
        #[serde(default)]
        two: u8,
    }
    let mut diagnostics = Diagnostics::new();
    let mut setting = Setting::map().with("one", 1).with("two", 2).with("three", 3);
    setting.set_key(Key { name: "three".into(), origin: Some(Origin::file("f", 4, 1)) }, Setting::from(3));
    assert!(decode::<Outer>(&setting, "x", &mut diagnostics).is_none());
    assert_eq!(diagnostics.len(), 1);
}
