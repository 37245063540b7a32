//! The target `otlp_json` under cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::otlp_json(data));
