//! The map behind a message. Unknown options are passed over, and an odd value counts as absent: an option must
//! not cost a record.

use model::Arena;

use super::record::Cursor;
use crate::msgpack::{Error, Slice, Token};

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    /// The value to send back, with its type byte.
    pub(super) chunk: Option<Slice>,
    /// Entries of the message, where the sender counts (some send bytes).
    pub(super) size: Option<u64>,
    pub(super) compression: Compression,
    /// 0 logs, 1 metrics, 2 traces.
    pub(super) signal: u64,
    /// Where the metadata map starts.
    pub(super) metadata: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
    Unknown,
}

impl Options {
    pub(super) fn read(arena: &Arena, cursor: &mut Cursor) -> Result<Options, Error> {
        let mut options = Options::default();
        let start = *cursor;
        let Token::Map(pairs) = cursor.next(arena)? else {
            *cursor = start;
            cursor.skip(arena, 1)?;
            return Ok(options);
        };
        for _ in 0..pairs {
            let key = *cursor;
            cursor.skip(arena, 1)?;
            let value = *cursor;
            cursor.skip(arena, 1)?;
            options.note(arena, key, value, cursor.at)?;
        }
        Ok(options)
    }

    fn note(&mut self, arena: &Arena, mut key: Cursor, mut value: Cursor, end: usize) -> Result<(), Error> {
        let Token::Str(name) = key.next(arena)? else { return Ok(()) };
        let start = value.at;
        let token = value.next(arena)?;
        match (name.of(arena.input()), token) {
            (b"chunk", Token::Str(_) | Token::Bin(_)) => self.chunk = Some(Slice { start, end }),
            (b"size", Token::Int(size)) => self.size = u64::try_from(size).ok(),
            (b"fluent_signal", Token::Int(signal)) => self.signal = u64::try_from(signal).unwrap_or(0),
            (b"metadata", Token::Map(_)) => self.metadata = Some(start),
            (b"compressed", Token::Str(method)) => {
                self.compression = match method.of(arena.input()) {
                    b"" | b"text" => Compression::None,
                    b"gzip" => Compression::Gzip,
                    b"zstd" => Compression::Zstd,
                    _ => Compression::Unknown,
                }
            }
            _ => {}
        }
        Ok(())
    }
}
