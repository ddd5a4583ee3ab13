//! What a newcomer meets and must understand at once: each mistake of a command line has a sentence that says what to do.

use testbed::folder::Folder;
use testbed::process::Process;

use crate::programs::{ECHO, PASO, PROXY1, PROXY2};

/// A program, its words, its exit code, and parts of what it says.
type Case = (&'static str, &'static str, i32, &'static [&'static str]);

const CASES: &[Case] = &[
    (PROXY1, ":8080 localhost 5000", 2, &["names no address", "0.0.0.0:8080", "Example: proxy1 8080"]),
    (PROXY1, "*:8080 localhost 5000", 2, &["names no address", "[::]:8080"]),
    (PROXY2, ":5000 localhost 80", 2, &["names no address", "0.0.0.0:5000", "Example: proxy2 0.0.0.0:5000"]),
    (PROXY1, "8080 :5000", 2, &["the host is missing"]),
    (PROXY1, "", 2, &["[ADDR:]PORT", "Example: proxy1 8080 exit.example 5000", "try `proxy1 --help`"]),
    (PROXY2, "", 2, &["[ADDR:]PORT", "Example: proxy2 0.0.0.0:5000 localhost 80"]),
    (PROXY1, "8080 localhost 5000 --idle soon", 2, &["--idle", "like 300ms", "Example: proxy1"]),
    (PASO, "in 8080 localhost five", 2, &["'five'", "Example: paso in 8080", "try `paso in --help`"]),
    (PASO, "nc", 2, &["Example: paso nc inner.example:22"]),
    (PASO, "find --at x", 2, &["Example: paso find"]),
    (PASO, "ticket add", 2, &["Example: paso ticket add laptop"]),
    (ECHO, "client localhost", 2, &["Example: echo client 127.0.0.1:7000"]),
    (PROXY2, "tickets list", 2, &["the command is `proxy2 ticket`", "Example: proxy2 ticket add laptop"]),
    (PROXY2, "5000 localhost 80 --ticket x", 2, &["tickets are for proxy1", "`proxy2 ticket add NAME`"]),
    (PROXY2, "5000 localhost 80 --ticket-file x", 2, &["tickets are for proxy1"]),
    (PROXY1, "8080 localhost 5000 --ticket @/file", 2, &["is the name of a file: write --ticket-file"]),
    (PROXY1, "8080 localhost 5000 --ticket ./none", 2, &["this is not a ticket", "with --ticket-file FILE"]),
    (PROXY1, "8080 localhost 5000 --state @/file", 1, &["is not a folder: name one (--state DIR)"]),
    (PROXY2, "5000 localhost 80 --state @/file", 1, &["is not a folder: name one (--state DIR)"]),
    (
        PROXY1,
        "8080 localhost 5000 --state @/none",
        1,
        &["start proxy2 on this machine first", "ticket add NAME"],
    ),
    (PROXY2, "ticket add laptop --state @/none", 1, &["no proxy2 has its key", "--state DIR"]),
];

#[test]
fn every_mistake_has_a_sentence_that_says_what_to_do() {
    let folder = Folder::new();
    _ = folder.file("file", "", 0o600);
    for (program, line, code, parts) in CASES {
        let line = line.replace('@', folder.path("").trim_end_matches('/'));
        let words: Vec<_> = line.split_whitespace().collect();
        let mut process = Process::spawn(program, &words);
        let actual = process.wait().code();
        let said = process.output();
        assert_eq!(actual, Some(*code), "{line}:\n{said}");
        for part in *parts {
            assert!(said.contains(part), "`{part}` is not in the answer to `{line}`:\n{said}");
        }
        assert!(!said.contains("a similar argument exists"), "{line}:\n{said}");
    }
}

#[test]
fn a_ticket_may_come_in_quotes_or_behind_the_mark_of_an_editor() {
    let folder = Folder::new();
    let state = folder.path("state");
    drop(Process::listening(PROXY2, &["0", "localhost", "80", "--state", &state]));
    let mut made = Process::spawn(PROXY2, &["ticket", "add", "laptop", "--state", &state]);
    assert!(made.wait().success(), "{}", made.output());
    let ticket = made.output().lines().find(|line| line.starts_with("paso1")).unwrap().to_owned();
    for around in ["\"", "'", "`", "\u{feff}", " \"\n"] {
        let text = format!("{around}{ticket}{around}");
        let proxy1 = Process::listening(PROXY1, &["0", "localhost", "5000", "--ticket", &text]);
        drop(proxy1);
        let file = folder.file("one.ticket", &text, 0o600);
        drop(Process::listening(PROXY1, &["0", "localhost", "5000", "--ticket-file", &file]));
    }
}

#[test]
fn a_classic_proxy2_that_does_not_answer_is_told_with_its_causes() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["--classic", "0", "127.0.0.1", &port]);
    let _client = std::net::TcpStream::connect(proxy1.address()).unwrap();
    let line = proxy1.wait_for("no answer from proxy2");
    assert!(line.contains("no --classic") && line.contains("UDP does not get through"), "{line}");
}

#[test]
fn what_is_not_there_is_left_out_of_ready() {
    let folder = Folder::new();
    let state = folder.path("state");
    let proxy2 = Process::spawn(PROXY2, &["0", "localhost", "80", "--state", &state]);
    let ready = proxy2.wait_for(" ready");
    assert!(ready.ends_with(" ready"), "{ready}");
    let proxy1 = Process::spawn(PROXY1, &["0", "localhost", "5000", "--state", &state]);
    let ready = proxy1.wait_for(" ready");
    assert!(ready.ends_with(" ready forwards=1"), "{ready}");
}

#[test]
fn a_refusal_at_the_start_is_said_once() {
    let folder = Folder::new();
    let state = folder.path("state");
    let proxy2 = Process::listening(PROXY2, &["0", "localhost", "80", "--state", &state]);
    let at = proxy2.address().to_string();
    let mut proxy1 = Process::spawn(PROXY1, &["-R", "7999:localhost:80", "--at", &at, "--state", &state]);
    assert_eq!(proxy1.wait().code(), Some(1));
    let said = proxy1.output();
    assert_eq!(said.matches("may not listen at").count(), 1, "{said}");
    assert!(said.lines().last().unwrap().starts_with("error: "), "{said}");
}
