//! Everything that brings records in.
//!
//! [`RECEIVERS`] is the list. To add one, write its file and put it there.

mod connections;
mod dummy;
mod fluent_forward;
mod http;
mod reading;
mod tail;
mod tcp;

use engine::{ReceiverEntry, receiver};

pub const RECEIVERS: &[ReceiverEntry] = &[
    receiver::<dummy::Dummy>(),
    receiver::<fluent_forward::FluentForward>(),
    receiver::<http::Http>(),
    receiver::<tail::Tail>(),
    receiver::<tcp::Tcp>(),
];
