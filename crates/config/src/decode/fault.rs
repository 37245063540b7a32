//! What serde says is wrong, kept apart from where until the settings are at hand to describe the value.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use super::Path;

#[derive(Debug)]
pub(crate) struct Fault {
    /// Set by the innermost map or list the fault passes on its way out.
    pub path: Option<Path>,
    pub problem: Problem,
}

#[derive(Debug)]
pub(crate) enum Problem {
    /// What the value should have been.
    Expected(String),
    /// The words one of which it should have been.
    Variant(&'static [&'static str]),
    Missing(&'static str),
    Unknown(String, &'static [&'static str]),
    Other(String),
}

impl Fault {
    pub fn new(problem: Problem) -> Self {
        Fault { path: None, problem }
    }

    pub fn expected(wanted: &dyn Expected) -> Self {
        Fault::new(Problem::Expected(in_words(&wanted.to_string())))
    }

    pub fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.clone());
        self
    }
}

/// Serde's terms, for people.
fn in_words(wanted: &str) -> String {
    let words = match wanted {
        "a boolean" => "true or false",
        "a string" | "a borrowed string" | "a character" => "text",
        "a sequence" => "a list",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a nonzero u8" | "a nonzero u16" | "a nonzero u32" | "a nonzero u64" | "a nonzero usize" => {
            "a whole number, 1 or more"
        }
        other if other.starts_with("struct ") => "a map of settings",
        other => other,
    };
    words.to_owned()
}

impl de::Error for Fault {
    fn custom<T: Display>(text: T) -> Self {
        Fault::new(Problem::Other(text.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Fault::expected(wanted)
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Fault::expected(wanted)
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Fault::new(Problem::Variant(known))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Fault::new(Problem::Unknown(name.to_owned(), known))
    }

    fn missing_field(name: &'static str) -> Self {
        Fault::new(Problem::Missing(name))
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.problem)
    }
}

impl std::error::Error for Fault {}
