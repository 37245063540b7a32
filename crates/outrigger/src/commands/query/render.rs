//! Answers as a table for people, as lines of JSON or as CSV for scripts.

use std::io::{IsTerminal, Write, stderr, stdout};

use serde_json::{Map, Value, json};

use crate::cli::Output;

/// A cell is cut here in a table.
const WIDEST: usize = 100;
/// Rows that a table's columns are measured by; it is printed this many rows at a time.
const PAGE: usize = 500;

pub struct Renderer<'q> {
    output: Output,
    query: &'q str,
    columns: Vec<(String, String)>,
    page: Vec<Vec<String>>,
    any: bool,
}

impl<'q> Renderer<'q> {
    pub fn new(output: Output, query: &'q str) -> Renderer<'q> {
        Renderer { output, query, columns: Vec::new(), page: Vec::new(), any: false }
    }

    /// Takes one line of an answer.
    pub fn line(&mut self, line: &Value) -> Result<(), String> {
        if let Some(error) = line.get("error") {
            return Err(self.refusal(error, line));
        }
        if let Some(Value::Array(columns)) = line.get("columns") {
            self.columns =
                columns.iter().map(|column| (text(&column["name"]), text(&column["type"]))).collect();
        }
        if let Some(Value::Array(rows)) = line.get("rows") {
            rows.iter().filter_map(Value::as_array).for_each(|row| self.row(row));
        }
        if let Some(data) = line.get("data") {
            self.prometheus(data);
        }
        if let Some(progress) = line.get("progress") {
            progressing(progress);
        }
        if let Some(why) = line.get("end").and_then(|end| end["partial"].as_str()) {
            self.flush();
            super::super::complain(&format!("the answer is not whole: {why}"));
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), String> {
        self.flush();
        if !self.any && self.output == Output::Table {
            super::super::complain("nothing found");
        }
        Ok(())
    }

    fn row(&mut self, row: &[Value]) {
        self.any = true;
        match self.output {
            Output::Json => {
                let pairs = self.columns.iter().zip(row).filter(|(_, value)| !value.is_null());
                let object: Map<String, Value> =
                    pairs.map(|((name, _), value)| (name.clone(), value.clone())).collect();
                put(&format!("{}\n", Value::Object(object)));
            }
            Output::Csv => {
                if self.page.is_empty() {
                    let names: Vec<String> = self.columns.iter().map(|(name, _)| quoted(name)).collect();
                    put(&format!("{}\r\n", names.join(",")));
                    // Marks that the head is written.
                    self.page.push(Vec::new());
                }
                let cells: Vec<String> = self.cells(row).iter().map(|cell| quoted(cell)).collect();
                put(&format!("{}\r\n", cells.join(",")));
            }
            Output::Table => {
                self.page.push(self.cells(row));
                if self.page.len() == PAGE {
                    self.flush();
                }
            }
        }
    }

    fn cells(&self, row: &[Value]) -> Vec<String> {
        let kinds = self.columns.iter().map(|(_, kind)| kind.as_str()).chain(std::iter::repeat(""));
        row.iter().zip(kinds).map(|(value, kind)| shown(value, kind)).collect()
    }

    /// Prints a page of a table, its columns as wide as they need to be.
    fn flush(&mut self) {
        if self.output != Output::Table || self.page.is_empty() {
            return;
        }
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let page: Vec<Vec<String>> = std::mem::take(&mut self.page);
        let wide = |at: usize| {
            let cells = page.iter().filter_map(|row| row.get(at)).chain(names.get(at));
            cells.map(|cell| cell.chars().count().min(WIDEST)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..names.len()).map(wide).collect();
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| {
                let cut: String = cell.chars().take(WIDEST).collect();
                format!("{cut:<width$}")
            });
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        let mut out = line(&names);
        out.push_str(&format!(
            "{}\n",
            widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  ")
        ));
        page.iter().for_each(|row| out.push_str(&line(row)));
        put(&out);
    }

    /// Prometheus' answer: a row a series and sample.
    fn prometheus(&mut self, data: &Value) {
        self.columns = [("metric", "text"), ("time", "time"), ("value", "number")]
            .map(|(a, b)| (a.into(), b.into()))
            .to_vec();
        let mut rows = Vec::new();
        match (data["resultType"].as_str(), &data["result"]) {
            (Some("vector" | "matrix"), Value::Array(series)) => {
                for one in series {
                    let metric = json!(one["metric"].to_string());
                    let samples =
                        one["values"].as_array().cloned().unwrap_or_else(|| vec![one["value"].clone()]);
                    rows.extend(samples.iter().map(|sample| sampled(metric.clone(), sample)));
                }
            }
            (_, sample) => rows.push(sampled(Value::Null, sample)),
        }
        rows.iter().for_each(|row| self.row(row));
    }

    /// What is wrong, under the place in the query where it is.
    fn refusal(&self, error: &Value, line: &Value) -> String {
        let (message, place) = match error {
            Value::String(message) => (message.clone(), line),
            error => (text(&error["message"]), error),
        };
        let mut out = format!("error: {message}");
        if let (Some(start), Some(end)) = (place["start"].as_u64(), place["end"].as_u64()) {
            let (start, end) = (start as usize, end.max(start + 1) as usize);
            let before: String = self.query.chars().take(start).collect();
            let line = before.matches('\n').count();
            let column = before.chars().rev().take_while(|c| *c != '\n').count();
            let shown = self.query.lines().nth(line).unwrap_or_default();
            let marks = "^".repeat((end - start).min(shown.chars().count().saturating_sub(column)).max(1));
            out.push_str(&format!("\n  | {shown}\n  | {}{marks}", " ".repeat(column)));
        }
        let expected: Vec<String> = error["expected"].as_array().into_iter().flatten().map(text).collect();
        if !expected.is_empty() {
            out.push_str(&format!("\n   help: here can stand {}", expected.join(", ")));
        }
        out
    }
}

fn sampled(metric: Value, sample: &Value) -> Vec<Value> {
    let micros = sample[0].as_f64().map(|seconds| json!((seconds * 1e6) as i64)).unwrap_or_default();
    vec![metric, micros, sample[1].clone()]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn shown(value: &Value, kind: &str) -> String {
    match (value, kind) {
        (Value::Null, _) => String::new(),
        (Value::String(text), _) => text.replace('\n', "↵"),
        (Value::Number(micros), "time") => match micros.as_i64().map(jiff::Timestamp::from_microsecond) {
            Some(Ok(time)) => time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
            _ => micros.to_string(),
        },
        (value, _) => value.to_string(),
    }
}

/// RFC 4180.
fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// A reader that has gone away wants no more of it.
fn put(text: &str) {
    let _ = stdout().write_all(text.as_bytes());
}

/// How far a slow query is, on one line of a terminal.
fn progressing(progress: &Value) {
    if stderr().is_terminal() {
        let (rows, bytes) =
            (&progress["scanned_rows"], progress["scanned_bytes"].as_u64().unwrap_or_default());
        let _ = write!(stderr(), "\r{rows} rows, {} MiB read ", bytes >> 20);
    }
}
