//! The wildcard patterns of `parse`.

use std::ops::Range;

use memchr::memmem::Finder;

#[derive(Debug)]
pub struct Glob {
    /// What stands before, between and behind the wildcards; one more than those.
    literals: Vec<Finder<'static>>,
}

impl Glob {
    pub fn new(text: &str) -> Glob {
        Glob { literals: text.split('*').map(|literal| Finder::new(literal).into_owned()).collect() }
    }

    /// What each wildcard takes, as little as can be; a last one takes the rest. `false` when there is no match.
    pub fn find(&self, text: &str, found: &mut Vec<Range<usize>>) -> bool {
        found.clear();
        let bytes = text.as_bytes();
        let Some((first, others)) = self.literals.split_first() else { return false };
        let Some(at) = first.find(bytes) else { return false };
        let mut at = at + first.needle().len();
        for (place, literal) in others.iter().enumerate() {
            let last = place + 1 == others.len();
            if last && literal.needle().is_empty() {
                found.push(at..text.len());
                return true;
            }
            let Some(length) = literal.find(&bytes[at..]) else { return false };
            found.push(at..at + length);
            at += length + literal.needle().len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_take_as_little_as_they_can() {
        for (glob, text, expected) in [
            ("user=* id=*", "x user=ann id=7 id=8", Some(vec!["ann", "7 id=8"])),
            ("*: *", "a: b: c", Some(vec!["a", "b: c"])),
            ("[*]", "x [] [y]", Some(vec![""])),
            ("**", "abc", Some(vec!["", "abc"])),
            ("[*]", "x [y", None),
            ("é*ü", "aébü", Some(vec!["b"])),
        ] {
            let mut found = Vec::new();
            let matched = Glob::new(glob).find(text, &mut found);
            let taken: Vec<&str> = found.iter().map(|range| &text[range.clone()]).collect();
            assert_eq!(matched.then_some(taken), expected, "{glob}");
        }
    }
}
