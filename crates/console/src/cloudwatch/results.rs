//! Rows of a query as `GetQueryResults` gives them: each an array of fields and values, all text.

use query::InsightsAnswer;
use serde_json::{Value, json};

/// What a query found, as it is kept until it is fetched.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Each row as JSON.
    pub rows: Vec<Box<str>>,
    /// Of the rows together.
    pub bytes: usize,
    pub matched: u64,
    /// Milliseconds.
    pub took: u64,
    /// Why rows are missing.
    pub partial: Option<String>,
}

impl Results {
    pub fn new(answer: &InsightsAnswer, limit: usize) -> Results {
        let table = &answer.table;
        let shown = table.rows.len().min(limit);
        let rows: Vec<Box<str>> = (0..shown).map(|at| row(table, at)).collect();
        Results {
            bytes: rows.iter().map(|row| row.len()).sum(),
            rows,
            matched: table.matched,
            took: (answer.end.seconds * 1000.0) as u64,
            partial: answer.end.partial.clone(),
        }
    }
}

/// A field without a value is left out.
fn row(table: &insights::Table, row: usize) -> Box<str> {
    let fields = table.columns.iter().enumerate().filter_map(|(at, column)| {
        let value = table.text(row, at)?;
        Some(json!({"field": column.name, "value": value}))
    });
    Value::from(fields.collect::<Vec<_>>()).to_string().into()
}
