//! A whole proxy2, its clients and their links, and a network that does anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::sealed::fuzzing::run_endpoint(bytes));
