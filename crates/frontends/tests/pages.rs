//! The YAML example on the page of every component builds the component.
//!
//! Pages are the module text (`//!`) of one file a component; each example is a map of one key, the component,
//! or its settings alone.

use std::collections::HashSet;
use std::path::Path;

use config::{
    Component, Delivery, Diagnostics, Exporter, FileId, Pipeline, Route, Setting, Step, TagMatch, Topology,
};
use engine::component::Surroundings;
use frontends::yaml;

const CATALOG: engine::Catalog = engine::Catalog {
    receivers: receivers::RECEIVERS,
    processors: processors::PROCESSORS,
    exporters: exporters::EXPORTERS,
};

/// The examples of every page of a crate, each with the file it stands in.
fn examples(of: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src");
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).expect("lists").flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        let page: String = text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
            .collect();
        for block in page.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default().to_owned();
            examples.push((entry.file_name().to_string_lossy().into_owned(), block));
        }
    }
    examples
}

/// A topology of this one component.
fn topology(of: &str, kind: &str, settings: Setting) -> Topology {
    let component = Component { id: "example".into(), kind: kind.into(), settings, origin: None };
    let mut topology = Topology::default();
    let mut pipeline = Pipeline { name: "example".into(), ..Pipeline::default() };
    let (id, matching) = (component.id.clone(), TagMatch::all());
    match of {
        "receivers" => {
            pipeline.receivers.push(id);
            topology.receivers.push(component);
        }
        "processors" => {
            pipeline.steps.push(Step { processor: id, matching });
            topology.processors.push(component);
        }
        _ => {
            pipeline.routes.push(Route { exporter: id, matching });
            topology.exporters.push(Exporter { component, delivery: Delivery::default() });
        }
    }
    topology.pipelines.push(pipeline);
    topology
}

#[test]
fn every_example_builds_and_every_component_has_one() {
    let listed = [
        ("receivers", CATALOG.receivers.iter().map(|entry| entry.name).collect::<Vec<_>>()),
        ("processors", CATALOG.processors.iter().map(|entry| entry.name).collect()),
        ("exporters", CATALOG.exporters.iter().map(|entry| entry.name).collect()),
    ];
    let mut faults = Vec::new();
    for (of, names) in listed {
        let mut shown = HashSet::new();
        for (file, example) in examples(of) {
            let root =
                yaml::parse(&example, FileId::named(&file)).unwrap_or_else(|fault| panic!("{fault:?}"));
            let (kind, settings) = match root.entries() {
                [(key, settings)] if names.contains(&key.name.as_str()) => (key.name.as_str(), settings),
                _ => (file.trim_end_matches(".rs"), &root),
            };
            // `name: {}` and `name:` alone are settings without any.
            let settings = if settings.entries().is_empty() { Setting::map() } else { settings.clone() };
            let mut report = Diagnostics::new();
            let topology = topology(of, kind, settings);
            if engine::plan(&topology, &CATALOG, &Surroundings::for_tests(), &mut report).is_none() {
                faults.push(format!("{of}/{file}\n{}", report.render(false)));
            }
            shown.insert(kind.to_owned());
        }
        faults.extend(
            names.iter().filter(|name| !shown.contains(**name)).map(|n| format!("{of}: {n} has none")),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
