//! Random UUIDs (version 4) for naming records; not fit for secrets.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Draws from the system's randomness once and counts on from there.
#[derive(Default)]
pub struct Source {
    keys: [RandomState; 2],
    drawn: u64,
}

impl Source {
    pub fn next(&mut self) -> String {
        self.drawn += 1;
        let [high, low] = [&self.keys[0], &self.keys[1]].map(|key| {
            let mut hasher = key.build_hasher();
            hasher.write_u64(self.drawn);
            hasher.finish()
        });
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}
