//! What every step of lowering reads and writes.

use config::{Diagnostics, Topology};

use super::Options;
use super::document::Id;
use super::extensions::Extension;

pub(super) struct Context {
    pub options: Options,
    pub topology: Topology,
    pub diagnostics: Diagnostics,
    /// Those of the service, ready to be named by components.
    pub extensions: Vec<(Id, Extension)>,
}

impl Context {
    pub fn new(options: Options) -> Self {
        let (topology, diagnostics) = (Topology::default(), Diagnostics::new());
        Context { options, topology, diagnostics, extensions: Vec::new() }
    }
}
