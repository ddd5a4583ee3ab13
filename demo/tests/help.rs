//! Who asks for help gets help, at once and in 80 columns, and no demonstration.
#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use std::process::Command;

#[test]
fn help_runs_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("Usage: demo"), "{text}");
    assert!(!text.contains("1. A clean path"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn what_is_no_option_is_bad_usage() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).arg("--frobnicate").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
