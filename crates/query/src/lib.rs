//! Asks the lake.
