//! OTTL, the OpenTelemetry Transformation Language: statements that change a record, conditions that ask of it.
//!
//! Text is compiled once ([`Statement::compile`], [`Condition::compile`]) and run over many records, each a
//! [`Target`]. The way of a text: `lex`, `parse` (to `syntax`), `check` (names become paths and functions), `eval`.
//! What is computed lies in the record's own arena; a value is copied only when it is stored.
//!
//! To add a function, write it in the file of its theme in `functions/` and list it in `functions.rs`. To add a
//! path, see the table of its context in `path/`.

mod check;
mod context;
mod eval;
mod fault;
mod function;
mod functions;
mod infer;
mod json;
mod lex;
mod like;
mod math;
mod parse;
mod path;
mod pattern;
mod statement;
mod syntax;
mod target;
#[cfg(test)]
mod tests;
mod value;

pub use context::Context;
pub use fault::{Fault, RunError};
// What other languages of the Collector's share with OTTL: its time formats and its expressions.
pub use functions::format_time::{Civil, Format as TimeFormat};
pub use infer::infer;
pub use pattern::{Regex, regex};
pub use statement::{Condition, Statement};
pub use target::{Row, Target};
