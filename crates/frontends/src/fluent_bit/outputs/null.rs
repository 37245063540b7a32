//! `null` becomes `null`.

use crate::fluent_bit::table::{Field, Plugin, nothing_more, silent};

pub(in crate::fluent_bit) const PLUGIN: Plugin =
    Plugin { names: &["null"], kind: "null", fields: FIELDS, finish: nothing_more };

const FIELDS: &[Field] = &[silent("format", "nothing is written")];
