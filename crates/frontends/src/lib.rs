//! Configuration languages, each lowered into the topology.
//!
//! A front end knows a language and the names of components, never the components themselves. It opens
//! nothing: files come through [`Files`], variables through a function the caller gives.

pub mod collector;
mod files;
pub mod firelens;
pub mod fluent_bit;
mod secrets;
mod source;
pub mod yaml;

pub use files::{Disk, Files, Memory};
pub use source::Source;
