//! Asks the lake: SQL and the search language over DataFusion, and what other languages need of the store.
//!
//! [`Engine`] is one lake with threads, memory and limits of its own for queries; each question gives an [`Answer`],
//! a stream of record batches that ends with what was read and why anything is missing.

mod answer;
mod engine;
mod error;
mod events;
mod filter;
mod functions;
mod groups;
mod insights;
pub mod json;
mod logs;
mod names;
mod patterns;
mod places;
mod promql;
mod range;
pub mod search;
mod series;
mod skipped;
mod tables;
mod traces;
mod usage;

pub use self::insights::{InsightsAnswer, InsightsQuery, LogsAsked};
pub use self::promql::{PromqlQuery, prometheus_name};
pub use answer::{Answer, End, Progress};
pub use engine::{Engine, Limits};
pub use error::QueryError;
pub use events::{Event, EventReader, Events, Order, Position, Streams};
pub use filter::Filter;
pub use groups::Named;
pub use logs::{Around, LogSearch};
pub use patterns::Pattern;
pub use range::Range;
pub use series::Series;
pub use usage::{Of, Usage};
