//! Counts distinct values: exactly while they are few, then by HyperLogLog, within about two in a hundred.

use std::collections::HashSet;

const EXACT: usize = 4096;
const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;

/// Bytes that one more hash takes in a set, roughly.
const HASH_BYTES: usize = 16;

#[derive(Debug)]
pub enum Distinct {
    Exact(HashSet<u64>),
    Sketch(Box<[u8]>),
}

impl Distinct {
    pub fn new() -> Distinct {
        Distinct::Exact(HashSet::new())
    }

    /// Takes in a value's hash; the bytes this grew by. Nothing grows without room.
    pub fn add(&mut self, hash: u64, room: bool) -> usize {
        match self {
            Distinct::Sketch(registers) => {
                note(registers, hash);
                0
            }
            Distinct::Exact(hashes) if hashes.len() < EXACT => {
                usize::from(room && hashes.insert(hash)) * HASH_BYTES
            }
            Distinct::Exact(hashes) => {
                let mut registers = vec![0; REGISTERS].into_boxed_slice();
                hashes.iter().chain([&hash]).for_each(|hash| note(&mut registers, *hash));
                *self = Distinct::Sketch(registers);
                0
            }
        }
    }

    pub fn merge(&mut self, other: Distinct) {
        match (&mut *self, other) {
            (_, Distinct::Exact(hashes)) => hashes.into_iter().for_each(|hash| {
                self.add(hash, true);
            }),
            (Distinct::Sketch(own), Distinct::Sketch(registers)) => {
                own.iter_mut().zip(&registers).for_each(|(own, other)| *own = (*own).max(*other));
            }
            (Distinct::Exact(hashes), Distinct::Sketch(mut registers)) => {
                hashes.iter().for_each(|hash| note(&mut registers, *hash));
                *self = Distinct::Sketch(registers);
            }
        }
    }

    pub fn count(&self) -> u64 {
        match self {
            Distinct::Exact(hashes) => hashes.len() as u64,
            Distinct::Sketch(registers) => estimate(registers),
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let rank = (hash << INDEX_BITS | 1 << (INDEX_BITS - 1)).leading_zeros() as u8 + 1;
    let register = &mut registers[(hash >> (64 - INDEX_BITS)) as usize];
    *register = (*register).max(rank);
}

fn estimate(registers: &[u8]) -> u64 {
    let n_registers = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / n_registers) * n_registers * n_registers / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    let small = raw <= 2.5 * n_registers && empty > 0;
    (if small { n_registers * (n_registers / empty as f64).ln() } else { raw }).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_estimated_and_few_are_counted() {
        let hash = |n: u64| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes());
        for (n, error) in [(4000u64, 0.0), (6000, 0.05), (200_000, 0.05)] {
            let (mut whole, mut left, mut right) = (Distinct::new(), Distinct::new(), Distinct::new());
            for value in 0..n {
                whole.add(hash(value), true);
                if value % 3 == 0 {
                    left.add(hash(value), true)
                } else {
                    right.add(hash(value), true)
                };
            }
            left.merge(right);
            for counted in [whole.count(), left.count()] {
                assert!((counted as f64 - n as f64).abs() <= n as f64 * error, "{counted} of {n}");
            }
        }
    }
}
