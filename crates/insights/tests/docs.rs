//! Every example of docs/insights.md compiles, and it names every function.

use std::path::Path;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/insights.md");
    std::fs::read_to_string(path).expect("the page exists")
}

fn compiles(text: &str) {
    if let Err(error) = insights::compile(text) {
        panic!("{text}\n{error}");
    }
}

#[test]
fn examples_compile() {
    let page = page();
    let blocks: Vec<&str> =
        page.split("```insights\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    blocks.iter().for_each(|block| compiles(block));
    let table = page.split("## Commands").nth(1).unwrap().split("##").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let examples: Vec<String> = rows.map(|row| row.replace("\\|", "\0")).collect();
    let examples: Vec<&str> = examples.iter().filter_map(|row| row.split('|').nth(3)).collect();
    for example in &examples {
        compiles(&example.trim().trim_matches('`').replace('\0', "|"));
    }
    assert!(
        blocks.len() >= 3 && examples.len() >= 19,
        "{} blocks, {} examples",
        blocks.len(),
        examples.len()
    );
}

/// A function that is named but unknown, or the other way round, would mislead.
#[test]
fn functions_exist() {
    let page = page();
    let table = page.split("## Functions").nth(1).unwrap().split("```").next().unwrap();
    let names: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    assert!(names.len() >= 80, "{}", names.len());
    for name in names {
        let error = insights::compile(&format!("filter {name}(a, b, c, d, e) = 1")).err();
        let message = error.map_or(String::new(), |error| error.message);
        assert!(!message.contains("unknown function"), "{name}: {message}");
    }
}
