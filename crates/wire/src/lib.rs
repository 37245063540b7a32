//! Bytes to model and back, for protocols that several components speak. No I/O.
