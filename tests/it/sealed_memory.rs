//! The smallest memory that a process can be given is enough for every byte, and less is refused with a sentence.

use std::time::Duration;

use testbed::process::Process;

use crate::programs::{ECHO, PROXY1, PROXY2, sealed_program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_mebibytes_for_thirty_streams() {
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let folder = testbed::folder::Folder::new();
    let little = ["--memory", "4MiB"];
    let proxy2 = sealed_program(PROXY2, "0", echo.address(), &folder, &little);
    let proxy1 = sealed_program(PROXY1, "0", proxy2.address(), &folder, &little);
    let address = proxy1.address().to_string();
    let words = ["client", &address, "--clients", "30", "--bytes", "500KB", "--silence", "20s"];
    let mut client = Process::spawn(ECHO, &words);
    let code = tokio::task::block_in_place(|| client.wait_for_end(Duration::from_secs(60)).code());
    assert_eq!(code, Some(0), "{}\n{}\n{}", client.output(), proxy1.output(), proxy2.output());
}

#[test]
fn less_is_refused() {
    for program in [PROXY1, PROXY2] {
        let mut process = Process::spawn(program, &["0", "127.0.0.1", "5000", "--memory", "4000KiB"]);
        assert_eq!(process.wait().code(), Some(2), "{}", process.output());
        assert!(process.output().contains("4MiB or more"), "{}", process.output());
    }
}
