//! Decompresses a payload under a cap, so that a small message cannot become a large memory.

use std::io::Read;

/// What could be decompressed, and why not all of it.
pub struct Inflated {
    pub bytes: Vec<u8>,
    pub broken: Option<&'static str>,
    pub too_large: bool,
}

/// Reads one or several gzip members: Fluentd appends members to a chunk as records come.
pub fn gzip(payload: &[u8], cap: usize) -> Inflated {
    read(flate2::bufread::MultiGzDecoder::new(payload), cap, "the gzip payload is damaged")
}

pub fn zstd(payload: &[u8], cap: usize) -> Inflated {
    match zstd::stream::read::Decoder::with_buffer(payload) {
        Ok(reader) => read(reader, cap, "the zstd payload is damaged"),
        Err(_) => nothing("the zstd payload is damaged"),
    }
}

/// HTTP's `deflate`.
pub fn zlib(payload: &[u8], cap: usize) -> Inflated {
    read(flate2::bufread::ZlibDecoder::new(payload), cap, "the zlib payload is damaged")
}

/// What the stream form of Snappy begins with.
const SNAPPY_STREAM: &[u8] = b"\xff\x06\x00\x00sNaPpY";
const SNAPPY_DAMAGED: &str = "the snappy payload is damaged";

/// Either form: one block, or a stream of framed ones.
pub fn snappy(payload: &[u8], cap: usize) -> Inflated {
    if payload.starts_with(SNAPPY_STREAM) {
        return read(snap::read::FrameDecoder::new(payload), cap, SNAPPY_DAMAGED);
    }
    snappy_block(payload, cap)
}

/// One block and nothing else, for protocols that say so.
pub fn snappy_block(payload: &[u8], cap: usize) -> Inflated {
    if payload.starts_with(SNAPPY_STREAM) {
        return nothing("the payload is a stream of snappy's frames, and has to be one block without frames");
    }
    // The length is told first, so that nothing is made for what is too large.
    match snap::raw::decompress_len(payload) {
        Ok(length) if length > cap => Inflated { too_large: true, ..nothing(SNAPPY_DAMAGED) },
        Ok(_) => match snap::raw::Decoder::new().decompress_vec(payload) {
            Ok(bytes) => Inflated { bytes, broken: None, too_large: false },
            Err(_) => nothing(SNAPPY_DAMAGED),
        },
        Err(_) => nothing(SNAPPY_DAMAGED),
    }
}

/// Bytes asked for at a time. What was decompressed in the step that meets damage is lost, so steps are small,
/// and of one size, so that the same payload always gives the same records.
const STEP: usize = 4 << 10;

fn read(mut reader: impl Read, cap: usize, broken: &'static str) -> Inflated {
    let mut inflated = Inflated { bytes: model::buffer(), broken: None, too_large: false };
    let bytes = &mut inflated.bytes;
    loop {
        let start = bytes.len();
        bytes.resize(start + STEP, 0);
        let step = reader.read(&mut bytes[start..]);
        bytes.truncate(start + *step.as_ref().unwrap_or(&0));
        match step {
            Ok(0) => return inflated,
            Ok(_) if bytes.len() > cap => return Inflated { too_large: true, ..inflated },
            Ok(_) => {}
            Err(_) => return Inflated { broken: Some(broken), ..inflated },
        }
    }
}

pub(crate) fn nothing(why: &'static str) -> Inflated {
    Inflated { bytes: Vec::new(), broken: Some(why), too_large: false }
}
