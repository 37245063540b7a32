//! Pairs of query and answer from `tests/golden/`, written by hand from the language's description.
//!
//! A file is made of sections that start with `== `:
//!
//! - `== rows NAME`: a set of events, one a line: milliseconds, then `@name=value` (generated fields) and
//!   `+name=value` (attributes), then the message, in which `\n` and `\t` stand for themselves.
//! - `== any other title`: one case. `rows: NAME`, `query: ..` (further lines are indented), optionally
//!   `reference: NAME`, `matched: N`; then `columns: a, b` and the rows, cells between ` | `. A missing value is
//!   `-`, an empty text `""`. The last column `@ptr` is left out unless it is asked for.
//! - `== eval NAME`: lines `EXPRESSION => VALUE`, over the one row of a set.
//! - `== errors`: lines `QUERY => MESSAGE`, or `QUERY => MESSAGE => expected, words`; what the fault is about
//!   stands between `«` and `»`. The message may be a part.
//!
//! Lines that start with `# ` are remarks; `[U]` and `[P]` in them mark what the description marks so.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use insights::{Discovery, Event, Program, Row, Run, Table, Value, Window};

const WINDOW: Window = Window { from_ms: 0, to_ms: 99_999, now_ms: 100_000 };

struct Given {
    time: i64,
    generated: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
    message: String,
}

type Sets = HashMap<String, Vec<Given>>;

#[derive(Default)]
struct Report {
    n_cases: usize,
    faults: Vec<String>,
}

#[test]
fn every_golden_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|file| {
            (file.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(file).unwrap())
        })
        .collect();
    let mut sets = Sets::new();
    let sections: Vec<_> = texts.iter().flat_map(|(name, text)| sections(name, text)).collect();
    for section in sections.iter().filter(|section| section.title.starts_with("rows ")) {
        sets.insert(section.title[5..].to_owned(), section.lines.iter().map(|line| given(line)).collect());
    }
    let mut report = Report::default();
    for section in &sections {
        match section.title.split_once(' ') {
            Some(("rows", _)) => {}
            Some(("eval", name)) => evaluate(section, &sets[name], &mut report),
            _ if section.title == "errors" => refuse(section, &mut report),
            _ => answer(section, &sets, &mut report),
        }
    }
    println!("{} goldens", report.n_cases);
    assert!(report.faults.is_empty(), "{} differ:\n\n{}", report.faults.len(), report.faults.join("\n\n"));
    assert!(report.n_cases >= 200, "{} goldens", report.n_cases);
}

struct Section<'t> {
    title: &'t str,
    place: String,
    lines: Vec<&'t str>,
}

fn sections<'t>(file: &str, text: &'t str) -> Vec<Section<'t>> {
    let mut sections: Vec<Section<'t>> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("== ") {
            sections.push(Section {
                title,
                place: format!("{file}:{} {title}", number + 1),
                lines: Vec::new(),
            });
        } else if !line.is_empty() && !line.starts_with("# ") {
            sections.last_mut().unwrap_or_else(|| panic!("{file}: no section")).lines.push(line);
        }
    }
    sections
}

fn given(line: &str) -> Given {
    let (time, mut rest) = line.split_once(' ').unwrap_or((line, ""));
    let (mut generated, mut attributes) = (Vec::new(), Vec::new());
    while rest.starts_with(['@', '+'])
        && let Some((name, value)) = rest.split(' ').next().and_then(|word| word.split_once('='))
    {
        let (name, value) = (name.to_owned(), value.to_owned());
        let length = name.len() + 1 + value.len();
        if rest.starts_with('@') {
            generated.push((name, value));
        } else {
            attributes.push((name[1..].to_owned(), value));
        }
        rest = rest[length..].trim_start();
    }
    let message = rest.replace("\\n", "\n").replace("\\t", "\t");
    Given { time: time.parse().unwrap_or_else(|_| panic!("a time: {line}")), generated, attributes, message }
}

/// Calls `each` with every row as an event, newest first.
fn feed(program: &Program, rows: &[Given], mut each: impl FnMut(&Event<'_>) -> bool) {
    let discovery = Discovery::new(program.needs());
    let mut rows: Vec<&Given> = rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.time));
    for row in rows {
        let pairs = |pairs: &'_ [(String, String)]| -> Vec<(String, String)> { pairs.to_vec() };
        let (generated, attributes) = (pairs(&row.generated), pairs(&row.attributes));
        let values = |pairs: &[(String, String)]| -> Vec<(String, Value<'static>)> {
            pairs.iter().map(|(name, value)| (name.clone(), Value::text(value.clone()))).collect()
        };
        let (generated, attributes) = (values(&generated), values(&attributes));
        let generated: Vec<_> =
            generated.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let attributes: Vec<_> =
            attributes.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let mut event = Event::new(&discovery, row.time, &row.message);
        (event.generated, event.attributes) = (&generated, &attributes);
        if !each(&event) {
            return;
        }
    }
}

/// The answer, found three ways that must agree: at once, tested early by the conditions, in two runs merged.
fn run(program: &Program, rows: &[Given], reference: &[Given]) -> Result<Table, String> {
    let whole = filled(program, rows, reference, |run, event| {
        run.push(event);
        !(program.newest_first_enough() && run.enough())
    });
    let early = filled(program, rows, reference, |run, event| {
        let known = |path: &insights::Path| event.field(path);
        if program.conditions().iter().all(|condition| condition.test(&known)) {
            run.push(event);
        }
        true
    });
    if whole.rows != early.rows {
        return Err(format!(
            "the store's early test changes the answer:\n{}\n{}",
            shown(&whole),
            shown(&early)
        ));
    }
    let (mut one, mut other, mut turn) = (program.run(WINDOW), program.run(WINDOW), false);
    feed(program, rows, |event| {
        turn = !turn;
        if turn {
            one.push(event)
        } else {
            other.push(event)
        }
        true
    });
    feed(program, reference, |event| {
        other.push_reference(event);
        true
    });
    one.merge(other);
    let merged = one.finish();
    if sorted(&whole) != sorted(&merged) {
        return Err(format!("two runs merged differ:\n{}\n{}", shown(&whole), shown(&merged)));
    }
    Ok(whole)
}

fn filled<'p>(
    program: &'p Program,
    rows: &[Given],
    reference: &[Given],
    mut each: impl FnMut(&mut Run<'p>, &Event<'_>) -> bool,
) -> Table {
    let mut run = program.run(WINDOW);
    feed(program, rows, |event| each(&mut run, event));
    feed(program, reference, |event| {
        run.push_reference(event);
        true
    });
    run.finish()
}

fn sorted(table: &Table) -> Vec<String> {
    let mut lines: Vec<String> = shown(table).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn shown(table: &Table) -> String {
    let hidden = !table.is_aggregated && table.columns.len() > 1;
    let width = table.columns.len() - usize::from(hidden && table.columns.last().unwrap().name == "@ptr");
    let mut lines = Vec::new();
    for row in 0..table.rows.len() {
        let cell = |column| match table.text(row, column) {
            None => "-".to_owned(),
            Some(text) if text.is_empty() => "\"\"".to_owned(),
            Some(text) => text.replace('\n', "\\n").replace('\t', "\\t"),
        };
        lines.push((0..width).map(cell).collect::<Vec<_>>().join(" | "));
    }
    lines.join("\n")
}

fn answer(section: &Section<'_>, sets: &Sets, report: &mut Report) {
    report.n_cases += 1;
    let (mut query, mut rows, mut reference) = (String::new(), "", None);
    let (mut columns, mut matched, mut expected) = (None, None, Vec::new());
    for line in &section.lines {
        match line.split_once(": ") {
            _ if columns.is_some() => expected.push(*line),
            _ if line.starts_with("  ") => query.push_str(&format!("\n{line}")),
            Some(("query", text)) => query = text.to_owned(),
            Some(("rows", name)) => rows = name,
            Some(("reference", name)) => reference = Some(name),
            Some(("matched", number)) => matched = number.parse().ok(),
            Some(("columns", names)) => columns = Some(names),
            _ => panic!("{}: what is `{line}`?", section.place),
        }
    }
    let mut fault = |text: String| report.faults.push(format!("{}\n{query}\n{text}", section.place));
    let program = match insights::compile(&query) {
        Ok(program) => program,
        Err(error) => return fault(error.to_string()),
    };
    let reference = reference.map_or(&[][..], |name| &sets[name]);
    let table = match run(&program, &sets[rows], reference) {
        Ok(table) => table,
        Err(why) => return fault(why),
    };
    let mut names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    if !table.is_aggregated && names.len() > 1 && names.last() == Some(&"@ptr") {
        names.pop();
    }
    let names = names.join(", ");
    if Some(names.as_str()) != columns {
        return fault(format!("columns {names}, expected {columns:?}"));
    }
    if matched.is_some_and(|matched: u64| matched != table.matched) {
        return fault(format!("{} matched, expected {matched:?}", table.matched));
    }
    let expected = expected.join("\n");
    if shown(&table) != expected {
        fault(format!("found\n{}\nexpected\n{expected}", shown(&table)));
    }
}

fn evaluate(section: &Section<'_>, rows: &[Given], report: &mut Report) {
    for line in &section.lines {
        report.n_cases += 1;
        let (expression, expected) = line.split_once(" => ").unwrap_or_else(|| panic!("{line}"));
        let found = match insights::compile(&format!("fields {expression} as x")) {
            Err(error) => error.to_string(),
            Ok(program) => run(&program, rows, &[]).map_or_else(|why| why, |table| shown(&table)),
        };
        if found != expected {
            report
                .faults
                .push(format!("{}\n{expression}\nfound    {found}\nexpected {expected}", section.place));
        }
    }
}

fn refuse(section: &Section<'_>, report: &mut Report) {
    for line in &section.lines {
        report.n_cases += 1;
        let mut parts = line.split(" => ");
        let (marked, message) = (parts.next().unwrap(), parts.next().unwrap_or_else(|| panic!("{line}")));
        let words: Option<Vec<&str>> = parts.next().map(|words| words.split(", ").collect());
        let start = marked.chars().position(|letter| letter == '«').unwrap_or_else(|| panic!("{line}"));
        let end = marked.chars().position(|letter| letter == '»').unwrap_or_else(|| panic!("{line}")) - 1;
        let query = marked.replace(['«', '»'], "");
        let fits = |error: &insights::Error| {
            (error.start, error.end) == (start, end)
                && error.message.contains(message)
                && words.as_ref().is_none_or(|words| error.expected == *words)
        };
        match insights::compile(&query) {
            Err(error) if fits(&error) => {}
            Err(error) => report.faults.push(format!(
                "{}\n{marked}\nfound    {error} {:?}\nexpected {start}..{end}: {message} {words:?}",
                section.place, error.expected
            )),
            Ok(_) => report.faults.push(format!("{}\n{marked}\nis accepted", section.place)),
        }
    }
}
