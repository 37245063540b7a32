//! `throttle` becomes `throttle`.

use crate::fluent_bit::table::{Field, Plugin, To, field, nothing_more};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["throttle"], kind: "throttle", fields: FIELDS, finish: nothing_more };

const FIELDS: &[Field] = &[
    field("rate", "rate", To::Float),
    field("window", "window", To::Int),
    field("interval", "interval", To::Time),
    field("print_status", "print_status", To::Bool),
];
