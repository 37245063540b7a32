//! Compresses what an encoder writes, while it writes: only compressed bytes wait for the payload's end.
//!
//! One [`Compressor`] serves payload after payload and keeps its tables. Nothing here is bound to a destination.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use flate2::{Compress, Crc, FlushCompress};
use schemars::JsonSchema;
use serde::Deserialize;
use zstd::stream::raw::{CParameter, Encoder as ZstdEncoder, InBuffer, Operation, OutBuffer};

/// How a request body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// The value of `Content-Encoding`.
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
        }
    }
}

impl Compression {
    /// What a body says itself: one that another process left may be compressed otherwise than is configured now.
    /// No text begins with these bytes.
    pub fn of(body: &[u8]) -> Compression {
        match body {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

/// Bytes gathered before the compressor is called. With the record that passes the mark they stay below the
/// 65,274 bytes at which deflate moves its window and all its hash tables: see [`Compressor::flush`].
const GATHER_BYTES: usize = 60 << 10;
/// Room made in the output before each call.
const STEP_BYTES: usize = 32 << 10;

/// Under load. Measured on log records of 730 bytes, with vector instructions: level 1 costs 0.6 µs and leaves
/// 112 bytes, level 2 1.2 µs and 78, level 6 2.8 µs and 68. The first leaves most of a small task's CPU to others.
const GZIP_LEVEL: u32 = 1;
/// While little comes in, smaller is cheaper: bytes are paid for, and the CPU would be idle.
const GZIP_IDLE_LEVEL: u32 = 6;
/// Below this rate the better level costs less than a hundredth of a core.
const IDLE_BYTES_PER_SECOND: u64 = 2_000_000;
/// 0.4 µs and 61 bytes for the same record: better than gzip in both, whatever its level.
const ZSTD_LEVEL: i32 = 1;
/// Log lines resemble their neighbours: a window of 256 KiB finds nearly all that 512 KiB would, and halves
/// the memory.
const ZSTD_WINDOW_LOG: u32 = 18;

const GZIP_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

pub struct Compressor {
    compression: Compression,
    /// Tables of up to a megabyte: made when there is something to compress, and dropped again by a payload too
    /// small to need them soon. Most sidecars are idle most of the time.
    method: Option<Method>,
    /// Written and not yet compressed.
    gathered: Vec<u8>,
    out: Vec<u8>,
    /// Taken from `gathered` since the payload began.
    taken: u64,
    /// When the last payload ended.
    since: Instant,
    /// Of gzip, for this payload.
    level: u32,
}

enum Method {
    Gzip { deflate: Box<Compress>, crc: Crc },
    Zstd(Box<ZstdEncoder<'static>>),
}

impl Compressor {
    pub fn new(compression: Compression) -> Compressor {
        Compressor {
            compression,
            method: None,
            gathered: Vec::new(),
            out: Vec::new(),
            taken: 0,
            since: Instant::now(),
            level: GZIP_LEVEL,
        }
    }

    /// What was written and not yet compressed: append here. What is not compressed yet can be taken back.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.gathered
    }

    /// Bytes written since the payload began.
    pub fn raw_bytes(&self) -> u64 {
        self.taken + self.gathered.len() as u64
    }

    /// Compresses what was gathered, once it is enough to be worth a call.
    pub fn step(&mut self) {
        if self.gathered.len() >= GATHER_BYTES && self.compression != Compression::None {
            self.compress(false);
        }
    }

    /// Ends the payload: its bytes as they go on the wire. The next one can begin.
    pub fn finish(&mut self) -> Vec<u8> {
        self.compress(true);
        if self.taken < GATHER_BYTES as u64 {
            self.method = None;
            self.gathered = Vec::new();
        }
        self.choose_level();
        self.taken = 0;
        let mut body = std::mem::take(&mut self.out);
        // What waits in a queue is counted by its length, so it shall not hold much more.
        if body.capacity() > body.len() + body.len() / 4 {
            body.shrink_to_fit();
        }
        body
    }

    /// For the next payload, from how fast this one was filled.
    fn choose_level(&mut self) {
        let elapsed = std::mem::replace(&mut self.since, Instant::now()).elapsed();
        self.level = gzip_level(self.taken, elapsed);
        if let Some(Method::Gzip { deflate, .. }) = &mut self.method {
            deflate.set_level(flate2::Compression::new(self.level)).expect("bug: deflate refuses its level");
        }
    }

    fn compress(&mut self, last: bool) {
        self.taken += self.gathered.len() as u64;
        if self.compression == Compression::None {
            return std::mem::swap(&mut self.gathered, &mut self.out);
        }
        let flush = self.flush(last);
        let Compressor { method, gathered, out, level, compression, .. } = self;
        match method.get_or_insert_with(|| Method::new(*compression, *level)) {
            Method::Gzip { deflate, crc } => {
                if out.is_empty() {
                    out.extend_from_slice(GZIP_HEADER);
                }
                crc.update(gathered);
                run_deflate(deflate, gathered, out, flush);
                if last {
                    out.extend_from_slice(&crc.sum().to_le_bytes());
                    out.extend_from_slice(&crc.amount().to_le_bytes());
                    crc.reset();
                    deflate.reset();
                }
            }
            Method::Zstd(encoder) => run_zstd(encoder, gathered, out, last),
        }
        gathered.clear();
    }

    /// At the fast level each step starts with empty tables: to move them along with the window took a fifth of
    /// gzip's time, and what a line 60 KiB earlier would have saved is little.
    fn flush(&self, last: bool) -> FlushCompress {
        match (last, self.level) {
            (true, _) => FlushCompress::Finish,
            (false, GZIP_LEVEL) => FlushCompress::Full,
            (false, _) => FlushCompress::None,
        }
    }
}

impl Method {
    fn new(compression: Compression, level: u32) -> Method {
        if compression == Compression::Gzip {
            let deflate = Compress::new(flate2::Compression::new(level), false);
            return Method::Gzip { deflate: Box::new(deflate), crc: Crc::new() };
        }
        let mut encoder = ZstdEncoder::new(ZSTD_LEVEL).expect("bug: zstd refuses its level");
        let window = CParameter::WindowLog(ZSTD_WINDOW_LOG);
        encoder.set_parameter(window).expect("bug: zstd refuses its window");
        Method::Zstd(Box::new(encoder))
    }
}

fn gzip_level(bytes: u64, elapsed: Duration) -> u32 {
    let is_idle = (bytes as f64) < IDLE_BYTES_PER_SECOND as f64 * elapsed.as_secs_f64();
    if is_idle { GZIP_IDLE_LEVEL } else { GZIP_LEVEL }
}

fn run_deflate(deflate: &mut Compress, input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) {
    let before = deflate.total_in();
    loop {
        out.reserve(STEP_BYTES);
        let done = (deflate.total_in() - before) as usize;
        let status =
            deflate.compress_vec(&input[done..], out, flush).expect("bug: deflate refuses its input");
        let ended = match flush {
            FlushCompress::Finish => status == flate2::Status::StreamEnd,
            // Room that is left says that nothing waits to be written.
            _ => (deflate.total_in() - before) as usize == input.len() && out.len() < out.capacity(),
        };
        if ended {
            return;
        }
    }
}

fn run_zstd(encoder: &mut ZstdEncoder<'static>, input: &[u8], out: &mut Vec<u8>, last: bool) {
    const CANNOT: &str = "bug: zstd refuses its input";
    let mut input = InBuffer::around(input);
    while input.pos() < input.src.len() {
        out.reserve(STEP_BYTES);
        let filled = out.len();
        encoder.run(&mut input, &mut OutBuffer::around_pos(out, filled)).expect(CANNOT);
    }
    if !last {
        return;
    }
    loop {
        out.reserve(STEP_BYTES);
        let filled = out.len();
        if encoder.finish(&mut OutBuffer::around_pos(out, filled), true).expect(CANNOT) == 0 {
            return;
        }
    }
}

/// A whole body at once.
pub fn compress(compression: Compression, raw: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(compression);
    compressor.buffer().extend_from_slice(raw);
    compressor.finish()
}

/// The bytes that were compressed, at most `limit` of them; more is an error.
pub fn decompress(compression: Compression, body: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    match compression {
        Compression::None => raw.extend_from_slice(body),
        Compression::Gzip => {
            let mut reader = flate2::bufread::GzDecoder::new(body).take(limit + 1);
            reader.read_to_end(&mut raw)?;
        }
        Compression::Zstd => {
            let mut reader = zstd::stream::read::Decoder::with_buffer(body)?.take(limit + 1);
            reader.read_to_end(&mut raw)?;
        }
    }
    if raw.len() as u64 > limit {
        return Err(io::Error::other(format!("the body holds more than {limit} bytes")));
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let mut compressor = Compressor::new(compression);
            // The second payload shows that nothing of the first is left.
            for lines in [0, 1, 40_000, 3] {
                let mut expected = Vec::new();
                for line in 0..lines {
                    let text = format!("{{\"line\":{line},\"hash\":{}}}", line * 0x9e37_79b9_u64);
                    expected.extend_from_slice(text.as_bytes());
                    compressor.buffer().extend_from_slice(text.as_bytes());
                    compressor.step();
                }
                assert_eq!(compressor.raw_bytes(), expected.len() as u64);
                let body = compressor.finish();
                let at_once = compress(compression, &expected);
                for body in [body, at_once] {
                    let raw = decompress(compression, &body, expected.len() as u64).unwrap();
                    assert!(raw == expected, "{compression:?} of {lines} lines");
                }
            }
        }
    }

    #[test]
    fn the_level_follows_the_load() {
        let second = Duration::from_secs(1);
        for (bytes, elapsed, level) in
            [(0, second, 6), (1_400_000, second, 6), (2_100_000, second, 1), (700_000, second / 100, 1)]
        {
            assert_eq!(gzip_level(bytes, elapsed), level, "{bytes} in {elapsed:?}");
        }
        let text =
            (0..5_000u64).map(|n| format!("{{\"n\":{},\"text\":\"line\"}}", n * n)).collect::<String>();
        let mut compressor = Compressor::new(Compression::Gzip);
        let sizes = [0, 10].map(|seconds| {
            compressor.buffer().extend_from_slice(text.as_bytes());
            compressor.since -= Duration::from_secs(seconds);
            let body = compressor.finish();
            assert!(decompress(Compression::Gzip, &body, 1 << 20).unwrap() == text.as_bytes());
            body.len()
        });
        compressor.buffer().extend_from_slice(text.as_bytes());
        assert!(compressor.finish().len() < sizes[0].min(sizes[1]));
    }

    #[test]
    fn a_body_that_holds_too_much_is_refused() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let body = compress(compression, &[b'x'; 1000]);
            assert_eq!(Compression::of(&body), compression);
            assert!(decompress(compression, &body, 1000).is_ok());
            assert!(decompress(compression, &body, 999).is_err());
        }
    }
}
