//! Randomness for names and salts, from the operating system's by way of the standard library. Not for keys.

use std::hash::{BuildHasher, RandomState};

/// 64 bits nobody can foretell.
pub fn bits() -> u64 {
    RandomState::new().hash_one(0)
}

/// So many letters and digits, below 11.
pub fn alphanumeric(count: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bits = bits();
    let mut letter = || {
        let place = (bits % 62) as usize;
        bits /= 62;
        char::from(LETTERS[place])
    };
    (0..count).map(|_| letter()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_two_are_alike() {
        let names: HashSet<_> = (0..1000).map(|_| super::alphanumeric(8)).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.len() == 8 && name.chars().all(|c| c.is_ascii_alphanumeric())));
    }
}
