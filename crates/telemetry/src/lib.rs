//! Outrigger's own log lines, metrics text and memory figures.
//!
//! What we say about ourselves must cost little and never hurt: lines that a busy input repeats are kept
//! back and counted, and nothing read from the kernel is required to be there.

pub mod cgroup;
pub mod disk;
pub mod log;
pub mod metrics;
pub mod process;

pub use cgroup::Limits;
pub use log::{Filter, LogFormat, LogSettings};
pub use metrics::Exposition;
pub use process::Usage;
