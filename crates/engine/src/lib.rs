//! Runs a topology: builds its components, moves batches, waits, retries, counts, drains.
//!
//! The engine owns everything hard so that a component is only the part that differs. To write one, read
//! [`component`]; to follow a record, read [`outlet`], [`pipeline`], [`destination`] in this order.
//! The engine names no component: it gets the lists from the binary.

pub mod backoff;
pub mod catalog;
pub mod clock;
pub mod component;
mod dead;
pub mod destination;
mod frame;
mod graph;
mod hand;
pub mod ledger;
pub mod lifeboat;
pub mod outlet;
pub mod payload;
pub mod pipeline;
mod preview;
mod queue;
pub mod replay;
mod running;
mod sample;
mod slots;
mod spool;
mod taps;
pub mod testing;
pub mod watchdog;

pub use catalog::{Catalog, ExporterEntry, ProcessorEntry, ReceiverEntry, exporter, processor, receiver};
pub use component::{
    ALL_SIGNALS, BuildContext, ConfigError, Encoder, Exporter, Fault, Instances, Processor, Receiver,
    Surroundings,
};
pub use graph::{Plan, plan};
pub use ledger::{DestinationView, Ledger};
pub use lifeboat::Lifeboat;
pub use outlet::{Ack, Lost, Outlet, Stop};
pub use payload::{Body, Outcome, Payload, Sealed};
pub use preview::Preview;
pub use running::{Running, Summary};
pub use taps::{Border, Samples, Taps};
