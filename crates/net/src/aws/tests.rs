//! AWS clients against servers in this process.
