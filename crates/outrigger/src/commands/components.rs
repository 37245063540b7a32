//! `outrigger components`: every receiver, processor and exporter, with its options.

use serde_json::Value;

use super::print;
use crate::Exit;
use crate::cli::ComponentsOptions;

/// Kinds, with the name and the schema of each component. It belongs to the reference, which is written from the
/// components themselves.
const COMPONENTS: &str = include_str!("../../../../docs/reference/components.json");

pub fn components(options: &ComponentsOptions) -> Exit {
    let kinds: Value = serde_json::from_str(COMPONENTS).unwrap_or_default();
    if options.json {
        print(&format!("{kinds:#}\n"));
    } else {
        print_table(&kinds);
    }
    Exit::Drained
}

fn print_table(kinds: &Value) {
    for (kind, entries) in kinds.as_object().into_iter().flatten() {
        print(&format!("{kind}\n"));
        for entry in entries.as_array().into_iter().flatten() {
            let name = entry["name"].as_str().unwrap_or_default();
            let properties = entry["settings"]["properties"].as_object();
            let options: Vec<&str> = properties
                .map(|properties| properties.keys().map(String::as_str).collect())
                .unwrap_or_default();
            print(&format!("  {name:<18} {}\n", options.join(", ")));
        }
    }
}
