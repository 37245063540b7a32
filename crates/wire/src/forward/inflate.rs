//! Decompresses a payload under a cap, so that a small message cannot become a large memory.

use std::io::Read;

/// What could be decompressed, and why not all of it.
pub(super) struct Inflated {
    pub(super) bytes: Vec<u8>,
    pub(super) broken: Option<&'static str>,
    pub(super) too_large: bool,
}

/// Reads one or several gzip members: Fluentd appends members to a chunk as records come.
pub(super) fn gzip(payload: &[u8], cap: usize) -> Inflated {
    read(flate2::bufread::MultiGzDecoder::new(payload), cap, "the gzip payload is damaged")
}

pub(super) fn zstd(payload: &[u8], cap: usize) -> Inflated {
    match zstd::stream::read::Decoder::with_buffer(payload) {
        Ok(reader) => read(reader, cap, "the zstd payload is damaged"),
        Err(_) => nothing("the zstd payload is damaged"),
    }
}

fn read(reader: impl Read, cap: usize, broken: &'static str) -> Inflated {
    let mut bytes = model::buffer();
    let ended = reader.take(cap as u64 + 1).read_to_end(&mut bytes);
    let too_large = bytes.len() > cap;
    Inflated { bytes, broken: ended.is_err().then_some(broken), too_large }
}

pub(super) fn nothing(why: &'static str) -> Inflated {
    Inflated { bytes: Vec::new(), broken: Some(why), too_large: false }
}
