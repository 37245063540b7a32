//! The target `remote_write_decode` under cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::remote_write_decode(data));
