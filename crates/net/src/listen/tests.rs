//! Listeners as clients meet them.
