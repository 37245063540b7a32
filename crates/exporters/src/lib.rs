//! Everything that sends records out.
