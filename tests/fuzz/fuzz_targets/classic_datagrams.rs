//! Any datagrams, thrown at both tables.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| testbed::classic_model::run_datagrams(bytes));
