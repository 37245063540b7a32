//! Batch, arena, record: what flows through a pipeline.
