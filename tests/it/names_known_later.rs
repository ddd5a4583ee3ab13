//! A program that starts before its machine can ask a name service waits for it, while a wrong name ends it at once. The name
//! service of a test is files of its own in a mount namespace, which needs root.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::process::Command;

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2, greeted, sealed_proxy2};

/// Nobody listens to questions there, which the resolver is told at once.
const NOBODY: &str = "nameserver 127.9.9.9\n";
const NAME: &str = "exit.example";

/// A name service that cannot be asked.
struct Names(Folder);

impl Names {
    /// `None`, aloud, where the test may not make one.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn away() -> Option<Self> {
        let mut try_out = Command::new("unshare");
        try_out.args(["--mount", "mount", "--bind", "/etc/hosts", "/etc/resolv.conf"]);
        if !try_out.output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: no mount namespaces can be made here");
            return None;
        }
        let names = Self(Folder::new());
        _ = names.0.file("hosts", "", 0o644);
        _ = names.0.file("resolv.conf", NOBODY, 0o644);
        _ = names.0.file("nsswitch.conf", "hosts: files dns\n", 0o644);
        Some(names)
    }

    /// Starts a program that asks it.
    fn spawn(&self, program: &str, words: &[&str]) -> Process {
        let script = "set -e; for file in hosts resolv.conf nsswitch.conf; do mount --bind \"$0/$file\" /etc/$file; done; \
            exec \"$@\"";
        let shell = ["--mount", "sh", "-c", script, &self.0.path(""), program];
        Process::spawn("unshare", &[&shell[..], words].concat())
    }

    /// From now on it knows the name.
    fn learn(&self) {
        // The same file: a new one would not be where the old one is mounted.
        std::fs::write(self.0.path("hosts"), format!("127.0.0.1 {NAME}\n")).unwrap();
    }
}

/// A client is let in and ends without a byte, with or without a reset.
async fn is_closed(address: SocketAddr) {
    let mut bytes = Vec::new();
    if let Ok(mut client) = TcpStream::connect(address).await {
        _ = client.read_to_end(&mut bytes).await;
    }
    assert!(bytes.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_classic_proxy1_refuses_clients_until_its_peer_has_a_name() {
    let Some(names) = Names::away() else { return };
    let target = Target::start(Manner::Echo).await;
    let port = target.address().port().to_string();
    let proxy2 = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &port]);
    let port = proxy2.address().port().to_string();
    let proxy1 = names.spawn(PROXY1, &["--classic", "0", NAME, &port]);
    proxy1.wait_for("Still trying");
    let proxy1 = proxy1.until_listening();
    is_closed(proxy1.address()).await;
    proxy1.wait_for("not known yet");
    names.learn();
    proxy1.wait_for("name is known now");
    let _client = greeted(&proxy1).await;
    proxy1.signal("TERM");
    assert!(proxy1.wait_for("ended").contains("proxy2's name was not known yet: 1"), "{}", proxy1.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy2_dials_a_target_that_has_a_name_later() {
    let Some(names) = Names::away() else { return };
    let target = Target::start(Manner::Echo).await;
    let port = target.address().port().to_string();
    for link in ["classic", "sealed"] {
        let folder = Folder::new();
        _ = std::fs::write(names.0.path("hosts"), "");
        let state = ["--state", &folder.path("state")];
        let options: &[&str] = if link == "classic" { &["--classic"] } else { &state };
        let proxy2 = names.spawn(PROXY2, &[options, &["0", NAME, &port]].concat());
        proxy2.wait_for("looked up again for each connection");
        let proxy2 = proxy2.until_listening();
        let at = proxy2.address().port().to_string();
        let proxy1 = Process::listening(PROXY1, &[options, &["0", "127.0.0.1", &at]].concat());
        is_closed(proxy1.address()).await;
        names.learn();
        let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
        assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{link}: {}", proxy2.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_proxy1_finds_a_peer_that_has_a_name_later() {
    let Some(names) = Names::away() else { return };
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let (port, state) = (proxy2.address().port().to_string(), folder.path("state"));
    let proxy1 = names.spawn(PROXY1, &["0", NAME, &port, "--state", &state]).until_listening();
    proxy1.wait_for("cannot be found");
    names.learn();
    // So that nobody waits for the next time that the name is looked up.
    proxy1.signal("HUP");
    proxy1.wait_for("link up");
    let _client = greeted(&proxy1).await;
}

#[test]
fn both_programs_listen_on_a_name_that_is_known_later() {
    let Some(names) = Names::away() else { return };
    let (folder, listen) = (Folder::new(), format!("{NAME}:0"));
    let state = folder.path("state");
    // The sealed proxy1 finds the ticket of the sealed proxy2 before it.
    for link in [&["--classic"][..], &["--state", &state]] {
        for program in [PROXY2, PROXY1] {
            _ = std::fs::write(names.0.path("hosts"), "");
            let words = [link, &[&listen, "127.0.0.1", "9"]].concat();
            let process = names.spawn(program, &words);
            process.wait_for("nothing is listened on until then");
            names.learn();
            let address = process.until_listening().address();
            assert!(address.ip().is_loopback(), "{address}");
        }
    }
}

#[test]
fn a_program_that_waits_for_a_name_to_listen_on_ends_when_asked() {
    let Some(names) = Names::away() else { return };
    for (program, signal) in [(PROXY1, "INT"), (PROXY2, "TERM")] {
        let mut process = names.spawn(program, &["--classic", &format!("{NAME}:0"), "127.0.0.1", "9"]);
        process.wait_for("nothing is listened on until then");
        process.signal(signal);
        assert_eq!(process.wait().code(), Some(0), "{}", process.output());
    }
}

#[test]
fn a_name_that_the_name_service_does_not_know_still_ends_the_start() {
    let Some(names) = Names::away() else { return };
    // Files are all there is to ask, so this is an answer.
    _ = names.0.file("nsswitch.conf", "hosts: files\n", 0o644);
    for program in [PROXY1, PROXY2] {
        for words in [["0", NAME, "5000"], [&format!("{NAME}:0"), "127.0.0.1", "5000"]] {
            let mut process = names.spawn(program, &[&["--classic"], &words[..]].concat());
            assert_eq!(process.wait().code(), Some(1), "{}", process.output());
            assert!(process.output().contains(NAME), "{}", process.output());
        }
    }
}
