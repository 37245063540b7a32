//! Random names: UUIDs of version 4 and 7. Not fit for secrets.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fault::RunError;
use crate::function::Args;
use crate::target::Target;
use crate::value::Val;

/// Draws from the system's randomness once and counts on from there.
fn random() -> [u64; 2] {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
    let keys = KEYS.get_or_init(|| [RandomState::new(), RandomState::new()]);
    [&keys[0], &keys[1]].map(|key| {
        let mut hasher = key.build_hasher();
        hasher.write_u64(drawn);
        hasher.finish()
    })
}

fn text(high: u64, low: u64) -> String {
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

pub fn v4(_: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let [high, low] = random();
    t.string(text(high & !0xf000 | 0x4000, low))
}

/// Begins with the milliseconds since the epoch, so that names sort by time.
pub fn v7(_: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let [high, low] = random();
    let milliseconds = (t.clock)() / 1_000_000;
    t.string(text(milliseconds << 16 | 0x7000 | high & 0xfff, low))
}
