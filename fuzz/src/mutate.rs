//! Damages good inputs, the same way for the same seed.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::corpus::Dice;

/// Larger seeds only slow the search down.
const MAX_SEED: u64 = 20_000;

/// What tends to hurt: lengths at the edges of their types, terminators, brackets, escapes.
const NASTY: &[&[u8]] = &[
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\x7f\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xdd\x00\x01\x00\x00",
    b"\xc1",
    b"\xd7\x00",
    b"\x94",
    b"\x80",
    b"\xc0",
    b"\x00",
    b"\xff",
    b"\"",
    b"\\u",
    b"\\ud83d",
    b"{",
    b"[",
    b"}",
    b"]",
    b":",
    b"1e999",
    b"-",
    b"\xef\xbf\xbd",
    b"\n",
    b"\r\n",
    b"[INPUT]",
    b"@INCLUDE ",
    b"${",
    b"}",
    b"    ",
    b"\t",
    b"Match_Regex (",
    b"/",
    b"$TAG[",
];

/// The files below a folder of the workspace whose names end in one of the endings.
pub fn seeds(folder: &str, endings: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
    let endings: Vec<&str> = endings.split_whitespace().collect();
    let mut files = Vec::new();
    walk(&root.join(folder), &mut files);
    files.sort();
    let fits = |path: &PathBuf| {
        let name = path.to_string_lossy();
        endings.iter().any(|end| name.ends_with(end)) && fs::metadata(path).is_ok_and(|m| m.len() <= MAX_SEED)
    };
    files.iter().filter(|path| fits(path)).filter_map(|path| fs::read(path).ok()).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// A damaged copy of one of the seeds, or of two joined.
pub fn damaged(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let pick = |dice: &mut Dice| {
        seeds.get(dice.below(seeds.len().max(1) as u64) as usize).cloned().unwrap_or_default()
    };
    let mut data = pick(dice);
    for _ in 0..1 + dice.below(6) {
        let at = dice.below(data.len() as u64 + 1) as usize;
        match dice.below(7) {
            0 => data.truncate(at),
            1 => {
                let end = (at + dice.below(16) as usize).min(data.len());
                data.drain(at..end);
            }
            2 => drop(data.splice(at..at, NASTY[dice.below(NASTY.len() as u64) as usize].iter().copied())),
            3 => {
                let other = pick(dice);
                let from = dice.below(other.len() as u64 + 1) as usize;
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            4 => {
                let end = (at + dice.below(200) as usize).min(data.len());
                let piece = data[at..end].to_vec();
                (0..dice.below(40)).for_each(|_| drop(data.splice(at..at, piece.iter().copied())));
            }
            _ => {
                if let Some(byte) = data.get_mut(at) {
                    *byte = if dice.below(2) == 0 { dice.roll() as u8 } else { *byte ^ (1 << dice.below(8)) };
                }
            }
        }
        data.truncate(200_000);
    }
    data
}
