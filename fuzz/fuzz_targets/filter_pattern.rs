//! The target `filter_pattern` under cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::filter_pattern(data));
