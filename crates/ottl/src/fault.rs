//! What can be wrong with a statement when it is compiled, and when it runs.

use crate::value::Val;

/// Why a statement or condition was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("1:{}: {message}", at + 1)]
pub struct Fault {
    /// The byte of the text it is about.
    pub at: usize,
    pub message: String,
    /// How to mend it, where we can tell.
    pub help: Option<String>,
}

impl Fault {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Fault {
        Fault { at, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn help_if(mut self, help: Option<String>) -> Fault {
        self.help = help;
        self
    }
}

/// Why a statement could not be run on one record. The record is as the statements before left it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RunError(pub(crate) String);

impl RunError {
    pub(crate) fn new(message: impl Into<String>) -> RunError {
        RunError(message.into())
    }

    /// A value of another type than the function or path takes.
    pub(crate) fn expected(wanted: &str, got: Val) -> RunError {
        RunError(format!("expected {wanted} but got {}", got.type_name()))
    }
}

/// The candidate nearest to `word`, if it is near enough to be a slip of the keyboard.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let allowed = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word.as_bytes(), candidate.to_ascii_lowercase().as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements between two words.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, one) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.iter().enumerate() {
            let best = (diagonal + usize::from(one != other)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let words = ["ParseJSON", "ParseCSV", "set", "IsMatch"];
        assert_eq!(nearest("ParseJson", words), Some("ParseJSON"));
        assert_eq!(nearest("IsMtch", words), Some("IsMatch"));
        assert_eq!(nearest("Banana", words), None);
        assert_eq!(nearest("", words), None);
    }
}
