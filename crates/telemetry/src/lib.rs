//! Outrigger's own log lines, metrics text and memory figures.
