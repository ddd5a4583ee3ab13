//! Every parser of the sealed link.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::sealed::fuzzing::parse_everything(bytes));
