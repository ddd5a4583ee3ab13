//! Whoever reads what a program prints may have seen enough, and a disk may be full.
#![cfg(unix)]

use std::fs::File;
use std::process::{Command, Output, Stdio};

use testbed::folder::Folder;
use testbed::process::Process;

use crate::programs::{ECHO, PASO, PROXY2};

/// A proxy2 with an echo server behind it, and the commands that print something, with their words: `@` is its state folder, `#` its
/// address, `%` that of the echo server.
const COMMANDS: [&str; 8] = [
    "--help",
    "in --help",
    "ticket list --state @",
    "ticket show default --state @",
    "status --at @/control",
    "status --json --at @/control",
    "echo client % --bytes 10kB",
    "check --at # --no-load --state @",
];

/// Runs all commands with that as their standard output.
fn all(stdout: impl Fn() -> Stdio, check: impl Fn(&str, Output)) {
    let folder = Folder::new();
    let state = folder.path("state");
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let control = format!("{state}/control");
    let words = ["0", &echo.address().to_string(), "--state", &state, "--control", &control];
    let proxy2 = Process::listening(PROXY2, &words);
    proxy2.wait_for("ready");
    for line in COMMANDS {
        let line = line.replace('@', &state).replace('#', &proxy2.address().to_string());
        let line = line.replace('%', &echo.address().to_string());
        let mut command = Command::new(PASO);
        command.args(line.split_whitespace()).env_remove("RUST_LOG").stdin(Stdio::null()).stdout(stdout());
        check(&line, command.output().unwrap());
    }
    // A ticket is shown once: it is lost if nobody reads it.
    let mut add = Command::new(PASO);
    add.args(["ticket", "add", "laptop", "--state", &state]).stdin(Stdio::null()).stdout(stdout());
    let output = add.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("the ticket 'laptop' is lost"), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let nobody = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    all(nobody, |line, output| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{line}: {:?}\n{said}", output.status);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    all(full, |line, output| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains("cannot write to stdout: No space left on device"), "{line}: {said}");
    });
}
