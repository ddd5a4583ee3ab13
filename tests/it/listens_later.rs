//! A program that listens on an address which its machine does not have yet starts, and waits for it.
#![cfg(target_os = "linux")]

use testbed::folder::Folder;
use testbed::process::Process;

use crate::programs::{PROXY1, PROXY2};

/// Of the block for documentation, RFC 5737: no machine has it.
const LATER: &str = "192.0.2.77:0";

#[test]
fn both_programs_listen_on_an_address_that_comes_later() {
    let folder = Folder::new();
    let state = folder.path("state");
    // The sealed proxy1 finds the ticket of the sealed proxy2 before it.
    for link in [&["--classic"][..], &["--state", &state]] {
        for program in [PROXY2, PROXY1] {
            let words = [link, &[LATER, "127.0.0.1", "9"]].concat();
            let process = Process::spawn(program, &words);
            process.wait_for("no address 192.0.2.77 yet");
            let mut process = process.until_listening();
            assert_eq!(process.address().ip().to_string(), "192.0.2.77");
            assert_eq!(process.output().matches(" yet: ").count(), 1, "{}", process.output());
            process.signal("TERM");
            assert_eq!(process.wait().code(), Some(0), "{}", process.output());
        }
    }
}
