//! The tables that say what a Fluent Bit property becomes: one row a property, one table a plugin.

use super::draft::Draft;

/// A plugin of Fluent Bit and the component it becomes.
pub(super) struct Plugin {
    /// Its names in Fluent Bit, in lower case; the first names instances (`datadog.0`).
    pub names: &'static [&'static str],
    /// The kind of component in the topology.
    pub kind: &'static str,
    pub fields: &'static [Field],
    /// Reads the rows marked [`To::Own`] and checks what concerns several properties at once.
    pub finish: fn(&mut Draft<'_, '_>),
}

pub(super) struct Field {
    /// The Fluent Bit property, in lower case.
    pub key: &'static str,
    /// The canonical setting; a dot leads into a map. Empty where the row sets none.
    pub name: &'static str,
    pub to: To,
}

/// What a value is, or why a property sets nothing.
pub(super) enum To {
    Text,
    /// Trimmed and never shown.
    Secret,
    Bool,
    Int,
    Float,
    Size,
    Time,
    /// A bare number is milliseconds.
    Milliseconds,
    /// A list of words apart by commas; the property may repeat.
    Commas,
    /// The property may repeat, each value one item.
    Items,
    /// A key and the rest of the line; the property may repeat. The two strings name the parts.
    Pairs(&'static str, &'static str),
    /// The same, but exactly two words: Fluent Bit ignores a value of more that is not in quotes.
    TwoWords(&'static str, &'static str),
    /// One of these words, whatever its case, and what it is called here.
    Word(&'static [(&'static str, &'static str)]),
    Pattern,
    /// Read by the plugin's own `finish`, or by the code of its section kind.
    Own,
    /// The same, and the property may repeat.
    OwnMany,
    /// Accepted without a word, because nothing changes for the user.
    Silent(#[allow(dead_code, reason = "documents the row")] &'static str),
    /// Accepted; a note says why it sets nothing here.
    Note(&'static str),
    /// Accepted; a warning says what it would have done.
    Warn(&'static str),
}

impl To {
    /// Whether the property may be given more than once.
    pub fn repeats(&self) -> bool {
        matches!(self, To::Commas | To::Items | To::Pairs(..) | To::TwoWords(..) | To::OwnMany)
    }
}

pub(super) const fn field(key: &'static str, name: &'static str, to: To) -> Field {
    Field { key, name, to }
}

pub(super) const fn own(key: &'static str) -> Field {
    Field { key, name: "", to: To::Own }
}

pub(super) const fn own_many(key: &'static str) -> Field {
    Field { key, name: "", to: To::OwnMany }
}

pub(super) const fn silent(key: &'static str, why: &'static str) -> Field {
    Field { key, name: "", to: To::Silent(why) }
}

pub(super) const fn note(key: &'static str, why: &'static str) -> Field {
    Field { key, name: "", to: To::Note(why) }
}

pub(super) const fn warn(key: &'static str, why: &'static str) -> Field {
    Field { key, name: "", to: To::Warn(why) }
}

/// For plugins whose table says all.
pub(super) fn nothing_more(_: &mut Draft<'_, '_>) {}
