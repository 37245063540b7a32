//! Everything that brings records in.
//!
//! [`RECEIVERS`] is the list. To add one, write its file and put it there.

mod connections;
mod fluent_forward;
mod reading;

use engine::{ReceiverEntry, receiver};

pub const RECEIVERS: &[ReceiverEntry] = &[receiver::<fluent_forward::FluentForward>()];
