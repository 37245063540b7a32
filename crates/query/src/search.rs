//! The search language: what people type into the bar above logs and traces.
//!
//! ```text
//! service:checkout status:error @http.response.status_code:>=500 "reset by peer" -env:dev duration:>2s
//! ```
//!
//! A word is looked for in the message as a whole word, whatever its case; text in quotation marks anywhere, parts of
//! words included; `*` in a word stands for any text. `field:value` compares a column, `@name:value` an attribute; a value may be `>5`, `[1 TO 9]`, or have `*` for any text.
//! `AND` stands where nothing does; `OR`, `NOT`, `-` and parentheses are there. `exists:field` asks for a value.

mod lower;
mod parse;

pub(crate) use lower::{lower, named};
pub use parse::{Search, Term, Value, parse};

#[cfg(test)]
mod tests;
