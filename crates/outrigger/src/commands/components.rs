//! `outrigger components`: every receiver, processor and exporter, with its options.

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{CATALOG, print};
use crate::Exit;
use crate::cli::ComponentsOptions;

type Listed = (&'static str, fn() -> Schema);

pub fn components(options: &ComponentsOptions) -> Exit {
    let kinds: [(&str, Vec<Listed>); 3] = [
        ("receivers", CATALOG.receivers.iter().map(|e| (e.name, e.schema)).collect()),
        ("processors", CATALOG.processors.iter().map(|e| (e.name, e.schema)).collect()),
        ("exporters", CATALOG.exporters.iter().map(|e| (e.name, e.schema)).collect()),
    ];
    if options.json {
        print_json(&kinds)
    } else {
        print_table(&kinds)
    }
    Exit::Drained
}

fn print_json(kinds: &[(&str, Vec<Listed>)]) {
    let mut all = Map::new();
    for (kind, entries) in kinds {
        let entries = entries.iter().map(|(name, schema)| json!({"name": name, "settings": schema()}));
        all.insert((*kind).to_owned(), entries.collect());
    }
    print(&format!("{:#}\n", Value::Object(all)));
}

fn print_table(kinds: &[(&str, Vec<Listed>)]) {
    for (kind, entries) in kinds {
        print(&format!("{kind}\n"));
        for (name, schema) in entries {
            print(&format!("  {name:<18} {}\n", option_names(&schema()).join(", ")));
        }
    }
}

fn option_names(schema: &Schema) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}
