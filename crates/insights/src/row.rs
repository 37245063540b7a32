//! What a program reads from.

use crate::path::Path;
use crate::value::Value;

/// One event.
pub trait Row {
    /// The value of a field; [`Value::Null`] when the row has none of that name.
    ///
    /// Called for the paths of [`Needs`](crate::Needs) only, so [`Path::index`] may find a column. A field may be
    /// asked for more than once a row. `@timestamp` and `@ingestionTime` are given as [`Value::Time`].
    ///
    /// Who holds attributes apart from the message: generated fields first, then promoted columns, then
    /// attributes, then the message's JSON.
    fn field(&self, path: &Path) -> Value<'_>;
}
