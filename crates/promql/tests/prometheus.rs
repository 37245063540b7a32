//! Every expression of `expressions.txt`, asked of the real Prometheus and of us over the same samples.
//!
//! Prometheus 2.42, as Debian has it, takes ranges closed at both ends; ours are told to be so, too. Numbers must agree
//! to a billionth, refusals in their class. `PROMQL_EXPRESSIONS` names a file with more expressions.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

use std::path::Path;
use std::process::Command;

use promql::testing::{Memory, ready};
use promql::{Error, Options, Series, json};
use serde_json::Value;
use testkit::prometheus::{Prometheus, same};
use testkit::series::{self, START};
use testkit::{need, tools};

const EXPRESSIONS: &str = include_str!("expressions.txt");

/// Where we differ on purpose: expression, reason.
const DEVIATIONS: &[(&str, &str)] = &[
    ("temperature_celsius atan2 2", ATAN2),
    ("2 atan2 temperature_celsius", ATAN2),
    ("predict_linear(memory_bytes[10m] @ 1705314600, 600)", PINNED),
];
const ATAN2: &str =
    "Prometheus 2.42 keeps the metric's name, unlike with any other such operator; 3 drops it";
const PINNED: &str = "Prometheus 2.42 moves a range that is pinned by @ with the steps; 3 does not";

/// Seconds after the start of the samples.
const INSTANTS: [f64; 4] = [1800.0, 3661.5, 4200.0, 7000.25];
/// The same: from, to, step.
const RANGES: [(i64, i64, i64); 2] = [(600, 7200, 60), (3000, 3555, 37)];

#[test]
fn prometheus_gives_the_same_answers() {
    need!(tools::debian("prometheus", "prometheus"));
    need!(tools::debian("prometheus", "promtool"));
    let made = series::all();
    let prometheus = Prometheus::with_data("{}", |folder| fill(folder, &series::openmetrics(&made)));
    compare_all(&prometheus, made);
}

/// Remote write carries what text cannot.
#[test]
fn prometheus_gives_the_same_answers_where_series_are_stale() {
    need!(tools::debian("prometheus", "prometheus"));
    let made = series::with_stale_markers(series::all());
    let prometheus = Prometheus::start("{}");
    prometheus.write(&made);
    compare_all(&prometheus, made);
}

fn compare_all(prometheus: &Prometheus, made: Vec<series::Series>) {
    let memory = Memory(made.into_iter().map(ours).collect());
    let more = std::env::var("PROMQL_EXPRESSIONS").ok();
    let more = more.map(|path| std::fs::read_to_string(path).expect("PROMQL_EXPRESSIONS names a file"));
    let lines = EXPRESSIONS.lines().chain(more.iter().flat_map(|more| more.lines()));
    let (mut equal, mut asked, mut differing) = (0, 0, Vec::new());
    let mut counts = Counts::default();
    for text in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let faults = compare(text, prometheus, &memory, &mut counts);
        asked += 1;
        let is_known = DEVIATIONS.iter().any(|(known, _)| *known == text);
        match (faults.is_empty(), is_known) {
            (true, false) => equal += 1,
            (true, true) => differing.push(format!("{text}\n    is listed as deviating, but does not")),
            (false, true) => {}
            (false, false) => differing.push(format!("{text}\n    {}", faults.join("\n    "))),
        }
    }
    let Counts { answers, points, refusals } = counts;
    println!("{equal} of {asked} expressions equal, {} deviate on purpose", DEVIATIONS.len());
    println!("{answers} answers compared, {points} points in them, {refusals} refusals");
    for (text, reason) in DEVIATIONS {
        println!("deviates: {text}: {reason}");
    }
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}

fn fill(folder: &Path, text: &str) {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let file = folder.with_extension("txt");
    std::fs::write(&file, text).expect("the folder takes files");
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(folder);
    let output = promtool.output().expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn ours(series: series::Series) -> Series {
    Series { labels: series.labels.into_iter().collect(), samples: series.samples.into_iter().collect() }
}

/// That something was compared at all.
#[derive(Default)]
struct Counts {
    answers: usize,
    points: usize,
    refusals: usize,
}

impl Counts {
    fn add(&mut self, theirs: &Value) {
        self.answers += 1;
        self.refusals += usize::from(theirs["status"] == "error");
        self.points += points(&theirs["data"]["result"]);
    }
}

fn points(result: &Value) -> usize {
    let in_row = |row: &Value| row["values"].as_array().map_or(1, Vec::len);
    result.as_array().map_or(0, |rows| rows.iter().map(in_row).sum())
}

/// What differs, for people.
fn compare(text: &str, prometheus: &Prometheus, memory: &Memory, counts: &mut Counts) -> Vec<String> {
    let options = Options { range_is_closed: true, ..Options::default() };
    let mut faults = Vec::new();
    let mut check = |name: String, theirs: Value, ours: Result<promql::Answer, Error>| {
        counts.add(&theirs);
        let ours = match &ours {
            Ok(answer) => json::success(answer),
            Err(error) => json::failure(error),
        };
        if let Err(fault) = same(&theirs, &ours, text.starts_with("sort") && name.starts_with("at")) {
            faults.push(format!("{name}: {fault}"));
        }
    };
    for after in INSTANTS {
        let at = START + (after * 1000.0) as i64;
        let theirs = prometheus.ask("query", &[("query", text), ("time", &seconds(at))]);
        check(format!("at {after}"), theirs, ready(promql::instant(text, memory, at, &options)));
    }
    for (from, to, step) in RANGES {
        let (from, to) = (START + from * 1000, START + to * 1000);
        let parameters =
            [("query", text), ("start", &seconds(from)), ("end", &seconds(to)), ("step", &step.to_string())];
        let theirs = prometheus.ask("query_range", &parameters);
        let ours = ready(promql::range(text, memory, from, to, step * 1000, &options));
        check(format!("step {step}"), theirs, ours);
    }
    faults
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}
