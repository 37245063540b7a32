//! Everything that changes records on their way.
