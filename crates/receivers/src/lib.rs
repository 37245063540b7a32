//! Everything that brings records in.
