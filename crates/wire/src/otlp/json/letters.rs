//! What JSON has as text: text itself, ids in hexadecimal, bytes in base64.

use std::fmt;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Error, Unexpected, Visitor};

use super::super::schema::Kind;

/// Reads what JSON has as text.
pub(super) struct Letters(pub Kind);

impl Visitor<'_> for Letters {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Id(len) => write!(f, "{} hexadecimal digits", 2 * len),
            Kind::Bytes => f.write_str("base64"),
            _ => f.write_str("text"),
        }
    }

    /// Text comes as bytes, so that half a surrogate pair, which JavaScript lets pass, is mended and not refused.
    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Vec<u8>, E> {
        let bytes = match self.0 {
            Kind::Id(len) => from_hex(text).filter(|id| id.is_empty() || id.len() == len),
            Kind::Bytes => from_base64(text),
            _ => Some(String::from_utf8_lossy(text).into_owned().into_bytes()),
        };
        bytes.ok_or_else(|| E::invalid_value(Unexpected::Str(&String::from_utf8_lossy(text)), &self))
    }
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |letter: u8| char::from(letter).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    };
    text.chunks(2).map(byte).collect()
}

/// With the letters of URLs, too, and with padding or without, as protobuf's JSON allows.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, EITHER);
    let standard = |letter: &u8| match letter {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    STANDARD.decode(text.iter().map(standard).collect::<Vec<u8>>()).ok()
}
