//! A program at work: rows in, a table out.

use crate::program::{Limits, Program, Window};
use crate::row::Row;
use crate::table::Table;

/// One execution. Runs of the same program over parts of the rows can be merged.
#[derive(Debug)]
pub struct Run<'p> {
    program: &'p Program,
    window: Window,
    limits: Limits,
}

impl<'p> Run<'p> {
    pub(crate) fn new(program: &'p Program, window: Window, limits: Limits) -> Run<'p> {
        Run { program, window, limits }
    }

    /// Takes in a row of the query's window. Rows should come newest first.
    pub fn push(&mut self, row: &impl Row) {
        let _ = (row.field(&self.program.needs.paths[0]), self.window, self.limits);
    }

    /// Takes in a row of [`Program::reference_window`]; only `diff` uses it.
    pub fn push_reference(&mut self, row: &impl Row) {
        self.push(row);
    }

    /// Whether rows older than those pushed cannot change the answer, given that rows come newest first.
    pub fn enough(&self) -> bool {
        false
    }

    /// Takes over what another run of the same program and window found in other rows.
    pub fn merge(&mut self, other: Run<'p>) {
        let _ = other;
    }

    pub fn finish(self) -> Table {
        Table::default()
    }
}
