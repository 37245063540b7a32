//! Configuration languages, each lowered into the topology.
//!
//! A front end knows a language and the names of components, never the components themselves. It opens
//! nothing: files come through [`Files`], variables through a function the caller gives.

mod files;
pub mod firelens;
pub mod fluent_bit;
pub mod yaml;

pub use files::{Disk, Files, Memory};
