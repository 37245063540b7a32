//! Text between separators.

use memchr::memmem;

use super::Found;

/// Finds the pieces that a separator ends, empty ones too. Returns where the begun piece starts.
pub(super) fn find(input: &[u8], separator: &[u8], found: &mut Vec<Found>) -> usize {
    let mut start = 0;
    if separator.is_empty() {
        return start;
    }
    for end in memmem::find_iter(input, separator) {
        found.push(Found::Record(start..end));
        start = end + separator.len();
    }
    start
}
