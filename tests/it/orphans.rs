//! Tests that are killed leave no programs behind.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testbed::process::Process;

use crate::programs::ECHO;

/// Says that this test is the inner one.
const INNER: &str = "TESTBED_INNER";

#[test]
fn programs_end_with_the_tests_that_started_them() {
    if std::env::var_os(INNER).is_some() {
        return hold_a_program();
    }
    let mut inner = Command::new(std::env::current_exe().unwrap());
    inner.args(["--exact", "orphans::programs_end_with_the_tests_that_started_them", "--nocapture"]);
    let mut inner = inner.env(INNER, "1").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(inner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find_map(|line| Some(line.split_once("program=")?.1.to_owned()));
    inner.kill().unwrap();
    inner.wait().unwrap();
    let program = line.expect("the inner test says it");
    let program = Path::new("/proc").join(program.trim());
    let deadline = Instant::now() + Duration::from_secs(10);
    // What is dead and not yet collected by whoever inherited it is not there for this question.
    while std::fs::read_to_string(program.join("stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < deadline, "{} outlives its tests", program.display());
        std::thread::yield_now();
    }
}

/// Started by a thread that has ended, which is not the end of its test.
#[expect(clippy::print_stdout, reason = "the outer test reads it")]
fn hold_a_program() {
    let start = || Process::listening(ECHO, &["serve", "0"]);
    let echo = std::thread::spawn(start).join().unwrap();
    drop(std::net::TcpStream::connect(echo.address()).unwrap());
    echo.signal("0");
    println!("program={}", echo.id());
    loop {
        std::thread::park();
    }
}
