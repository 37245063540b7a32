//! What Fluent Bit was recorded to send, for tests: the input of a case as batches, and its files.

use std::path::PathBuf;

use model::Batch;
use wire::forward::{Context, Decoder, Settings};

/// The path of a file of a case.
pub fn file(case: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fluent-bit").join(case).join(name)
}

/// What the case's Forward input makes.
pub fn batches(case: &str) -> Vec<Batch> {
    let bytes = std::fs::read(file(case, "in.forward")).expect("a recorded input");
    let decoded = Decoder::new(Settings::default()).decode(bytes, &Context::at(1));
    assert!(decoded.refused.is_empty() && decoded.close.is_none(), "{case}");
    decoded.batches
}

pub fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}
