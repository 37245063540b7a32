//! What a process of the shop tells the one that started it: a line of JSON a second on its standard output.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub cpu_nanos: u64,
    pub received: u64,
    pub sent: u64,
    pub requests: u64,
    pub memory: u64,
    /// Why spans and metrics do not arrive.
    pub otlp: Option<String>,
    /// Why log lines do not arrive.
    pub forward: Option<String>,
    /// Why the program that it looks after has ended.
    pub gone: Option<String>,
}

/// The first line: where it listens, empty when it does not.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ready {
    pub address: String,
}
