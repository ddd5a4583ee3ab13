//! Any datagram, read and written again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| testbed::classic_frame::check(bytes));
