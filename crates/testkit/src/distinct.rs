//! Counts which of a run's numbered records have arrived, in a bit each.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What stands before a record's number in every record of the corpus, whatever form it takes on its way.
pub const MARK: &[u8] = b"req-";
/// Digits of a record's number.
pub const DIGITS: usize = 10;

/// Which numbers were seen. A million take 128 KiB.
#[derive(Debug, Default)]
pub struct Distinct {
    seen: Mutex<Seen>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    bits: Vec<u64>,
    distinct: u64,
    duplicates: u64,
}

impl Distinct {
    /// Notes one record's number. False if it was there before.
    pub fn add(&self, number: u64) -> bool {
        self.add_all(std::iter::once(number)) == 1
    }

    /// Notes the numbers; returns how many were new.
    pub fn add_all(&self, numbers: impl Iterator<Item = u64>) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.distinct;
        for number in numbers {
            let (word, bit) = ((number / 64) as usize, 1u64 << (number % 64));
            if word >= seen.bits.len() {
                seen.bits.resize(word + 1, 0);
            }
            if seen.bits[word] & bit == 0 {
                seen.bits[word] |= bit;
                seen.distinct += 1;
            } else {
                seen.duplicates += 1;
            }
        }
        self.more.notify_all();
        seen.distinct - before
    }

    pub fn distinct(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).distinct
    }

    pub fn duplicates(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).duplicates
    }

    /// Up to ten of the numbers below `total` that never came.
    pub fn missing(&self, total: u64) -> Vec<u64> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |n: &u64| seen.bits.get((*n / 64) as usize).is_some_and(|word| word & (1 << (n % 64)) != 0);
        (0..total).filter(|n| !has(n)).take(10).collect()
    }

    /// Waits until so many distinct numbers were seen; false when the time is over.
    pub fn wait_for(&self, distinct: u64, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.distinct < distinct {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            seen = self.more.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// The numbers of all marked records in `text`, in order. A record bears its mark once.
pub fn numbers(text: &[u8]) -> impl Iterator<Item = u64> {
    memchr::memmem::find_iter(text, MARK).filter_map(|at| {
        let digits = text.get(at + MARK.len()..at + MARK.len() + DIGITS)?;
        digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + u64::from(d - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_number_once() {
        let seen = Distinct::default();
        let text = b"x req-0000000007 y req-0000000003 req-00000 req-0000000007";
        assert_eq!(seen.add_all(numbers(text)), 2);
        assert_eq!((seen.distinct(), seen.duplicates()), (2, 1));
        assert_eq!(seen.missing(5), [0, 1, 2, 4]);
        assert!(!seen.wait_for(3, Duration::ZERO));
    }
}
