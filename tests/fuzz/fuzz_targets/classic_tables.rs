//! Any story of entries, an exit and the network between them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| testbed::classic_model::run(bytes));
