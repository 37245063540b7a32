//! The answer: named columns and rows of values.

use std::borrow::Cow;

use crate::number;
use crate::value::Value;

/// What a query gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// For rows that are events the last one is `@ptr`, unless the query names it itself.
    pub columns: Vec<Column>,
    /// Each row as long as `columns`.
    pub rows: Vec<Vec<Value<'static>>>,
    /// Events that passed every filter before the first command that groups, sorts or cuts.
    pub matched: u64,
    /// Why the answer is not whole, where a limit of memory was met.
    pub partial: Option<String>,
    /// Whether rows are groups or patterns rather than events.
    pub is_aggregated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Made by an aggregate, so that four digits behind the point are shown.
    pub rounded: bool,
}

impl Table {
    /// A value as CloudWatch shows it; `None` when the field is missing and must be left out.
    pub fn text(&self, row: usize, column: usize) -> Option<Cow<'_, str>> {
        let value = self.rows.get(row)?.get(column)?;
        match value {
            Value::Float(float) if self.columns[column].rounded => {
                Some(Cow::Owned(number::shown(number::rounded(*float))))
            }
            other => other.shown(),
        }
    }
}
