//! CloudWatch Logs Insights QL: query text and rows in, a table out.
//!
//! [`compile`] reads and checks a text once; [`Program`] says what a store needs to know (fields, time ranges,
//! conditions that are safe to test early), and a [`Run`] takes rows and gives a [`Table`]. This crate knows no
//! files, no threads and no engine: who feeds it decides where rows come from.
//!
//! The way of a text: `lex`, `parse` (to `syntax`), `check` (names become variables and fields, calls become
//! functions; to `step` and `expr`), `run`. Commands that need one row are done as rows come (`run/rows.rs`); the
//! first that needs many collects them (`aggregate`, `cluster`, `top`); what follows runs over what was collected
//! (`run/rest.rs`). Values borrow from the row, so a row that is only counted allocates nothing.
//!
//! To add a function, write it in the file of its theme in `functions/` and list it in `functions.rs`; for `stats`,
//! see the table in `check/expressions.rs`. To add a command, start at `parse/commands.rs`. What people see of the
//! language is in docs/insights.md, how it must behave in `tests/golden/`.
//!
//! ```
//! # use insights::{Discovery, Event, Window};
//! let program = insights::compile("filter status >= 500 | stats count(*) as faults by service")?;
//! let discovery = Discovery::new(program.needs());
//! let mut run = program.run(Window { from_ms: 0, to_ms: 9_999, now_ms: 9_999 });
//! run.push(&Event::new(&discovery, 1_000, r#"{"status": 503, "service": "cart"}"#));
//! let table = run.finish();
//! # Ok::<(), insights::Error>(())
//! ```

mod aggregate;
mod check;
mod cluster;
mod condition;
mod distinct;
mod error;
mod event;
mod expr;
mod filter_pattern;
mod functions;
mod glob;
mod json;
mod lex;
mod mask;
mod nearest;
mod number;
mod order;
mod parse;
mod path;
mod period;
mod program;
mod quantiles;
mod row;
mod run;
mod scope;
mod source;
mod step;
mod syntax;
mod table;
mod top;
mod value;

pub use cluster::{Clusters, Pattern as Shape, Tally};
pub use condition::{Comparison, Condition, Pattern};
pub use error::Error;
pub use event::{Discovery, Event};
pub use filter_pattern::FilterPattern;
pub use path::{Needs, Path};
pub use program::{Limits, Options, Program, Window};
pub use row::Row;
pub use run::Run;
pub use source::Source;
pub use table::{Column, Table};
pub use value::Value;

/// Reads and checks a query.
pub fn compile(text: &str) -> Result<Program, Error> {
    compile_with(text, Options::default())
}

/// Reads and checks a query where some behaviour is chosen.
pub fn compile_with(text: &str, options: Options) -> Result<Program, Error> {
    parse::query(text).and_then(|query| check::check(text, query, options)).map_err(|fault| fault.place(text))
}
