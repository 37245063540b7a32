//! The target `prometheus_protobuf` under cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::prometheus_protobuf(data));
