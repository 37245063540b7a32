//! `docs/reference` has a page for each component, from its list entry, its file's text and its schema.
//! `make reference` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

const NOTE: &str = "<!-- Written by `make reference` from the component itself. -->\n";

struct Listed {
    kind: &'static str,
    name: &'static str,
    schema: Value,
}

fn listed() -> Vec<Listed> {
    let mut all = Vec::new();
    let mut add = |kind, name, schema: Value| all.push(Listed { kind, name, schema });
    receivers::RECEIVERS.iter().for_each(|e| add("receiver", e.name, (e.schema)().to_value()));
    processors::PROCESSORS.iter().for_each(|e| add("processor", e.name, (e.schema)().to_value()));
    exporters::EXPORTERS.iter().for_each(|e| add("exporter", e.name, (e.schema)().to_value()));
    all
}

/// File names and their text.
fn pages() -> BTreeMap<String, String> {
    let listed = listed();
    let mut pages = BTreeMap::new();
    let mut index = format!("{NOTE}# Components\n\n| kind | name | what it does |\n|---|---|---|\n");
    for component in &listed {
        let file = format!("{}-{}.md", component.kind, component.name);
        let text = page_text(component);
        let first = text.lines().next().unwrap_or_default().trim_end_matches('.');
        let _ = writeln!(index, "| {} | [{}]({file}) | {first} |", component.kind, component.name);
        pages.insert(file, page(component, &text));
    }
    index.push_str("\nWhat a Collector configuration may name is in [collector.md](collector.md).\n");
    pages.insert("README.md".into(), index);
    pages.insert("collector.md".into(), collector());
    pages.insert("components.json".into(), schemas(&listed));
    pages
}

/// The schemas, a line each: what `outrigger components` prints, so that no program has to make them.
fn schemas(listed: &[Listed]) -> String {
    let mut text = String::from("{");
    for (place, kind) in ["receiver", "processor", "exporter"].into_iter().enumerate() {
        let lines: Vec<String> = listed
            .iter()
            .filter(|component| component.kind == kind)
            .map(|component| json!({"name": component.name, "settings": component.schema}).to_string())
            .collect();
        let _ =
            write!(text, "{}\"{kind}s\": [\n{}\n]", if place == 0 { "" } else { ", " }, lines.join(",\n"));
    }
    text.push_str("}\n");
    text
}

/// What a Collector configuration may name.
fn collector() -> String {
    let mut page = format!(
        "{NOTE}# Components of a Collector configuration\n\nOther components that exist upstream are refused by name; \
         with `--skip-unsupported` they are left out. Differences are in [collector.md](../collector.md).\n\n\
         | kind | type | older names | signals |\n|---|---|---|---|\n"
    );
    for (role, name, older, signals) in frontends::collector::components() {
        let older: Vec<String> = older.iter().map(|older| format!("`{older}`")).collect();
        let signals = if role == "extension" { String::new() } else { signals.join(", ") };
        let _ = writeln!(page, "| {role} | `{name}` | {} | {signals} |", older.join(", "));
    }
    page
}

fn page(component: &Listed, text: &str) -> String {
    let mut page = format!("{NOTE}# {} ({})\n\n{text}\n", component.name, component.kind);
    let rows = rows(&component.schema);
    if rows.is_empty() {
        page.push_str("\nIt has no settings.\n");
        return page;
    }
    page.push_str("\n| setting | type | default | meaning |\n|---|---|---|---|\n");
    rows.iter().for_each(|row| page.push_str(row));
    page
}

/// The `//!` lines of the component's file.
fn page_text(component: &Listed) -> String {
    let folder = root().join("crates").join(format!("{}s/src", component.kind));
    let file = folder.join(format!("{}.rs", component.name));
    let source = fs::read_to_string(&file).unwrap_or_default();
    let lines = source.lines().take_while(|line| line.starts_with("//!"));
    lines
        .map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn rows(schema: &Value) -> Vec<String> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object();
    let row = |(name, property): (&String, &Value)| {
        let default = match &property["default"] {
            Value::Null if required.contains(&name.as_str()) => "required".into(),
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let meaning =
            property["description"].as_str().or_else(|| resolved(property, schema)["description"].as_str());
        let meaning = meaning.unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        format!("| `{name}` | {} | {default} | {meaning} |\n", kind(property, schema))
    };
    properties.into_iter().flatten().map(row).collect()
}

/// What a `$ref` leads to, else the value itself.
fn resolved<'a>(property: &'a Value, schema: &'a Value) -> &'a Value {
    match property["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        Some(name) => &schema["$defs"][name],
        None => property,
    }
}

fn kind(property: &Value, schema: &Value) -> String {
    let property = resolved(property, schema);
    if let Some(values) = property["enum"].as_array() {
        return values
            .iter()
            .map(|v| format!("`{}`", v.as_str().unwrap_or("null")))
            .collect::<Vec<_>>()
            .join(", ");
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = property[key].as_array() {
            let mut kinds: Vec<String> = choices
                .iter()
                .filter(|choice| choice["type"] != "null")
                .map(|choice| match choice["const"].as_str() {
                    Some(word) => format!("`{word}`"),
                    None => kind(choice, schema),
                })
                .collect();
            kinds.dedup();
            return kinds.join(" or ");
        }
    }
    match &property["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&property["items"], schema)),
        Value::String(word) => word.clone(),
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str).filter(|word| *word != "null");
            words.collect::<Vec<_>>().join(" or ")
        }
        _ => "any".into(),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder() -> PathBuf {
    root().join("docs/reference")
}

fn write(pages: &BTreeMap<String, String>) {
    fs::create_dir_all(folder()).expect("a folder");
    for entry in fs::read_dir(folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".md") && !pages.contains_key(&name) {
            fs::remove_file(path).expect("an old page goes");
        }
    }
    pages.iter().for_each(|(name, text)| fs::write(folder().join(name), text).expect("a page"));
}

#[test]
fn the_pages_are_fresh() {
    let pages = pages();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return write(&pages);
    }
    for (name, text) in pages {
        let found = fs::read_to_string(folder().join(&name)).unwrap_or_default();
        assert!(found == text, "docs/reference/{name} is old: run `make reference`");
    }
}

#[test]
fn every_component_says_what_it_is() {
    let silent: Vec<_> = listed().iter().filter(|c| page_text(c).is_empty()).map(|c| c.name).collect();
    assert!(silent.is_empty(), "no file of this name that opens with `//!`: {silent:?}");
}
