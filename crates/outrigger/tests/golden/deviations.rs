//! Where Outrigger does otherwise than Fluent Bit, and why. Everything else is the same.

/// Case, file, reason.
pub const DEVIATIONS: &[(&str, &str, &str)] = &[];

/// Cases that this replay cannot ask.
pub const NOT_REPLAYED: &[(&str, &str)] = &[
    ("multiline_pause_between", "about a pause of the sender, which the recording does not hold"),
    ("throttle", "how many pass depends on the clock"),
];

/// Configurations that one of the two starts with and the other does not.
pub const STARTS_OTHERWISE: &[(&str, &str)] = &[];
