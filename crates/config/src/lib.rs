//! Settings that know where they were written, the topology as data, diagnostics.
