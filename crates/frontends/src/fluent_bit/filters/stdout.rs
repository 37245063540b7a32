//! `stdout` becomes `stdout`: it prints what passes.

use crate::fluent_bit::table::{Field, Plugin, nothing_more};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["stdout"], kind: "stdout", fields: FIELDS, finish: nothing_more };

const FIELDS: &[Field] = &[];
