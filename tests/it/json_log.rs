//! `--log-format json`: each line of the log is one JSON object, whatever it is about.
#![cfg(unix)]

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;
use testbed::folder::Folder;
use testbed::process::Process;

use crate::programs::{ECHO, PROXY1, PROXY2};

const JSON: &[&str] = &["--log-format", "json"];

/// All lines, parsed, without what a proxy2 prints on its standard output.
#[track_caller]
fn lines(program: &Process) -> Vec<Value> {
    let output = program.output();
    let is_log =
        |line: &&str| !line.starts_with("Join ") && !line.starts_with("Make ") && !line.starts_with("  ");
    let parse = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(["timestamp", "level", "message"].iter().all(|key| value[key].is_string()), "{line}");
        value
    };
    output.lines().filter(is_log).map(parse).collect()
}

fn messages(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["message"].as_str()).collect()
}

#[test]
fn a_life_of_both_proxies() {
    let folder = Folder::new();
    let state = folder.path("state");
    let proxy2 = [&["0", "localhost", "80", "--state", &state], JSON].concat();
    let mut proxy2 = Process::spawn(PROXY2, &proxy2);
    let listening: Value = serde_json::from_str(&proxy2.wait_for("accepts UDP")).unwrap();
    let address: std::net::SocketAddr = listening["listening"].as_str().unwrap().parse().unwrap();
    let port = address.port().to_string();
    // In a variable, and in a file.
    let words = ["0", "localhost", &port, "--state", &state];
    let mut proxy1 = Process::spawn_with(PROXY1, &words, &[("PASO_LOG_FORMAT", "json")]);
    proxy1.wait_for("link up");
    proxy1.signal("USR1");
    proxy1.wait_for("counted so far");
    let file = folder.file(
        "paso.toml",
        "log-format = 'json'\n[[link]]\nname = 'home'\nlocal = '0:localhost:80'\n",
        0o600,
    );
    let mut of_file =
        Process::spawn(PROXY1, &["--config", &file, "--at", &address.to_string(), "--state", &state]);
    of_file.wait_for("link up");
    for program in [&mut proxy1, &mut of_file, &mut proxy2] {
        program.signal("INT");
        assert_eq!(program.wait().code(), Some(0));
        let lines = lines(program);
        let last = lines.last().unwrap();
        assert_eq!(
            (last["message"].as_str(), last["bytes_sent"].as_u64()),
            (Some("ended"), Some(0)),
            "{last}"
        );
        assert!(messages(&lines).contains(&"ending"));
    }
    let named = lines(&of_file);
    assert!(named.iter().any(|line| line["span"]["link"] == "home"), "{named:?}");
}

#[test]
fn why_a_program_ends() {
    let mut proxy1 =
        Process::spawn(PROXY1, &[&["0", "localhost", "5000", "--state", "/none"], JSON].concat());
    assert_eq!(proxy1.wait().code(), Some(1));
    let lines = lines(&proxy1);
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(last["message"].as_str().unwrap().starts_with("no ticket"), "{last}");
}

#[test]
fn what_is_held_back() {
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let port = echo.address().port().to_string();
    let mut proxy2 = Process::spawn(PROXY2, &[&["--classic", "0", "127.0.0.1", &port], JSON].concat());
    let listening: Value = serde_json::from_str(&proxy2.wait_for("accepts UDP")).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.connect(listening["listening"].as_str().unwrap()).unwrap();
    for _ in 0..100 {
        socket.send(b"c\"\\\x01").unwrap();
        socket.send(b"D1").unwrap();
        _ = socket.recv(&mut [0; 64]).unwrap();
    }
    proxy2.signal("INT");
    assert_eq!(proxy2.wait().code(), Some(0));
    let lines = lines(&proxy2);
    let last = lines.last().unwrap();
    assert!(last["unusual"].as_str().unwrap().contains("log lines held back"), "{last}");
    assert!(lines.iter().any(|line| line["hex"] == "63 22 5c 01"), "{lines:?}");
}
