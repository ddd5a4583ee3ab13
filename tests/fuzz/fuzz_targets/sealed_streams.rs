//! Two transports, a bad path and applications that do anything, against a model.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::sealed::fuzzing::run_streams(bytes));
