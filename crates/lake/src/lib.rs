//! The lake: what arrives, kept as Arrow rows in memory and Parquet files on disk.
//!
//! ```text
//! Rows ─► payload ─► Lake::append ─► log (one file) ─► memtable ─► flush: one segment a table ─► compaction
//!                                       └─ answered here              └─ one transaction of the catalog
//! ```
//!
//! Hours that are over go from there to an object store, where [`Publish`] names one.
//!
//! Start at [`Lake`]; [`Rows`] turns batches into payloads, [`Table`] says what each table holds, and [`Snapshot`] is
//! what a query reads. Nothing in here knows a query engine.

mod blocks;
mod catalog;
mod compact;
mod error;
mod flush;
mod lake;
mod listed;
mod memtable;
mod payload;
mod publish;
mod remote;
mod retention;
mod rows;
mod segment;
mod settings;
mod table;
mod tail;
#[doc(hidden)]
pub mod testing;
mod tokens;
mod wal;

pub use error::LakeError;
pub use lake::{Lake, Published, Snapshot};
pub use payload::decode;
pub use remote::Remote;
pub use rows::Rows;
pub use segment::{Place, Segment, TableSize};
pub use settings::{Durability, Publish, Settings, Step};
pub use table::{SEQ, Table};
pub use tail::{Arrival, Tail};
pub use tokens::{RowRanges, TokenIndex, Wanted, words};
