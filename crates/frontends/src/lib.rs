//! Configuration languages, each lowered into the topology.
