//! Converters to hashes, of a text's bytes.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::digest;
use crate::fault::RunError;
use crate::function::Args;
use crate::like;
use crate::target::Target;
use crate::value::Val;

type Result<T = Val> = std::result::Result<T, RunError>;

fn hex(args: &Args<'_>, t: &mut Target<'_>, hash: impl Fn(&[u8], &mut Vec<u8>)) -> Result {
    let text = args.string(0, t)?;
    let mut out = Vec::with_capacity(128);
    hash(t.bytes(text), &mut out);
    t.string(out)
}

pub fn md5(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| like::write_hex(&Md5::digest(text), out))
}

pub fn sha1(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| like::write_hex(&Sha1::digest(text), out))
}

pub fn sha256(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| like::write_hex(&Sha256::digest(text), out))
}

pub fn sha512(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| like::write_hex(&Sha512::digest(text), out))
}

/// The bytes of the sum, the lowest first.
pub fn murmur32(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| like::write_hex(&digest::murmur32(text).to_le_bytes(), out))
}

/// As [`murmur32`], each half for itself.
pub fn murmur128(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| {
        for half in digest::murmur128(text) {
            like::write_hex(&half.to_le_bytes(), out);
        }
    })
}

pub fn fnv(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    Ok(Val::Int(digest::fnv(t.bytes(text)) as i64))
}

pub fn xxh3(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| like::write_hex(&xxh3_64(text).to_be_bytes(), out))
}

/// The high half first.
pub fn xxh128(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    hex(args, t, |text, out| {
        like::write_hex(&xxh3_128(text).to_be_bytes(), out);
    })
}
