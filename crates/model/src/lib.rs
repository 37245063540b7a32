//! What flows through a pipeline: batches of records over one arena of bytes and nodes.
//!
//! Start at [`Batch`]; [`Arena`] says how its fields are held, [`json`] how a value may stay the raw
//! JSON it came as. Nothing in here does I/O.

mod accessor;
mod arena;
mod batch;
pub mod json;
pub mod metric;
pub mod number;
mod pool;
mod reason;
pub mod text;
mod token;
pub mod trace;

pub use accessor::{Path, PathError, Scope as TemplateScope, Template};
pub use arena::{Arena, List, Node, NodeId, Nodes, Span, Value};
pub use batch::{Batch, LogRecord, Resource, Scope, Severity, Signal, Tag, Unread};
pub use metric::Metric;
pub use pool::buffer;
pub use reason::Reason;
pub use token::{Receipt, Token};
pub use trace::TraceSpan;
