//! A transport whose peer holds the keys and says what it likes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proto::sealed::fuzzing::feed_transport(bytes));
