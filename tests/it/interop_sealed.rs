//! Our programs work with a peer of the sealed link that was written from PROTOCOL.md alone: `tests/interop/sealed_peer.py`.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use testbed::client::{exchange, is_turned_away};
use testbed::folder::Folder;
use testbed::middlebox::{Middlebox, Weather};
use testbed::process::Process;
use testbed::seed::seed;
use testbed::target::{self, Manner, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::programs::{ECHO, PROXY1, PROXY2, greeted, is_missing, sealed_proxy2};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/sealed_peer.py");
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/sealed_vectors.py");

/// How long everything that the peer tries may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// No file of compiled code beside the sources.
const VARIABLES: [(&str, &str); 1] = [("PYTHONDONTWRITEBYTECODE", "1")];

fn python(arguments: &[&str]) -> Process {
    Process::spawn_with("python3", arguments, &VARIABLES)
}

/// Many bytes, many streams, half close, resets, new keys: what it tries is in `sealed_client.py`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_proxy1_with_our_proxy2() {
    their_proxy1(Weather::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_proxy1_on_a_bad_network() {
    their_proxy1(Weather::bad(0.05)).await;
}

/// A proxy2 in front of an echo, and a ticket of it called `peer`.
async fn our_proxy2() -> (Target, Folder, Process, String) {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let ticket = new_ticket(&folder);
    (target, folder, proxy2, ticket)
}

async fn their_proxy1(weather: Weather) {
    if cryptography_is_missing() {
        return;
    }
    let (_target, _folder, proxy2, ticket) = our_proxy2().await;
    let network = Middlebox::start(proxy2.address(), seed()).unwrap();
    network.set(weather);
    let (code, output) = tokio::task::block_in_place(|| run_client(&ticket, network.address()));
    let both = format!("{output}\n{}", proxy2.output());
    assert_eq!(code, Some(0), "{both}");
    assert!(output.contains("new keys: 2 sessions"), "{both}");
}

/// The ticket has a pre-shared key, and the refusal is made without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn their_proxy1_is_told_why_it_may_not_join() {
    if cryptography_is_missing() {
        return;
    }
    let (_target, folder, proxy2, ticket) = our_proxy2().await;
    on_tickets(&["revoke", "peer"], &folder);
    let (code, output) = run_client(&ticket, proxy2.address());
    assert_eq!((code, output.trim()), (Some(3), "refused with status 2"));
}

/// The peer has a wrong clock and is busy: proxy1 proves its address, returns the challenge, and is in. It follows proxy1 to another port.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_proxy1_with_their_proxy2() {
    if cryptography_is_missing() {
        return;
    }
    let options = ["--psk", "--cookie", "--clock-offset", "7200", "--refuse", "1"];
    let proxy2 = python(&[&[PEER, "server"], &options[..]].concat()).until_listening();
    let ticket = proxy2.wait_for("ticket ").replace("ticket ", "");
    let network = Middlebox::start(proxy2.address(), seed()).unwrap();
    let (host, port) = (network.address().ip().to_string(), network.address().port().to_string());
    let mut proxy1 = Process::listening(PROXY1, &["0", &host, &port, "--ticket", &ticket, "--drain", "10s"]);
    proxy2.wait_for("asks for a cookie");
    proxy2.wait_for("refused with status 3");
    proxy2.wait_for("link up");

    is_turned_away(proxy1.address()).await;
    let mut client = greeted(&proxy1).await;
    ends_one_direction_and_then_the_other(proxy1.address()).await;
    network.change_ports();
    assert_eq!(exchange(&mut client, b"from another port").await, b"from another port");
    proxy2.wait_for("moved");
    echoes_every_byte(&proxy1, &proxy2);
    target::reset(client);
    proxy2.wait_for("was reset with code 0");
    proxy1.signal("TERM");
    assert!(proxy1.wait().success(), "{}", proxy1.output());
    // None of its streams is open any more: what their targets have not taken is not to be lost.
    proxy2.wait_for("ended with code 2");
}

/// The peer knows no checks of the path, as a proxy2 of an older version: everything else is found out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_check_with_their_proxy2() {
    if cryptography_is_missing() {
        return;
    }
    let proxy2 = python(&[PEER, "server", "--psk", "--cookie", "--clock-offset", "7200"]).until_listening();
    let ticket = proxy2.wait_for("ticket ").replace("ticket ", "");
    let at = proxy2.address().to_string();
    let mut check = Process::spawn_with(PROXY1, &["check", &at, "--ticket", &ticket], &[("LC_ALL", "C")]);
    let code = tokio::task::block_in_place(|| check.wait_for_end(PATIENCE).code());
    let output = check.output();
    assert_eq!(code, Some(0), "{output}");
    for said in [
        "ok proxy2 answers at",
        "s behind proxy2's",
        "ok proxy2 is connected to",
        "this proxy2 is older and cannot measure",
        "It works, but",
    ] {
        assert!(output.contains(said), "no `{said}` in:\n{output}");
    }
}

async fn ends_one_direction_and_then_the_other(proxy1: SocketAddr) {
    let mut client = TcpStream::connect(proxy1).await.unwrap();
    client.write_all(b"to the end").await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"to the end");
}

fn echoes_every_byte(proxy1: &Process, proxy2: &Process) {
    let entry = proxy1.address().to_string();
    let mut client = Process::spawn(ECHO, &["client", &entry, "--clients", "5", "--bytes", "200kB"]);
    let status = client.wait();
    assert_eq!(status.code(), Some(0), "{}\n{}\n{}", client.output(), proxy1.output(), proxy2.output());
}

/// The second implementation computes the vectors that this one is checked with.
#[test]
fn their_vectors_are_those_of_the_specification() {
    if cryptography_is_missing() {
        return;
    }
    let mut vectors = python(&[VECTORS]);
    let status = vectors.wait();
    assert!(status.success(), "{}", vectors.output());
}

/// The file of a new ticket, of the proxy2 that has its state in the folder and takes it within a second.
fn new_ticket(folder: &Folder) -> String {
    let file = folder.path("peer.ticket");
    on_tickets(&["add", "peer", "--out", &file], folder);
    file
}

/// Runs `proxy2 ticket …`.
fn on_tickets(arguments: &[&str], folder: &Folder) {
    let state = folder.path("state");
    let mut command = Process::spawn(PROXY2, &[&["ticket"], arguments, &["--state", &state]].concat());
    let status = command.wait();
    assert!(status.success(), "{}", command.output());
}

/// The exit code of the peer as proxy1, and what it said.
fn run_client(ticket: &str, proxy2: SocketAddr) -> (Option<i32>, String) {
    let (host, port) = (proxy2.ip().to_string(), proxy2.port().to_string());
    let mut client = python(&[PEER, "client", ticket, &host, &port]);
    let status = client.wait_for_end(PATIENCE);
    (status.code(), client.output())
}

fn cryptography_is_missing() -> bool {
    let import = ["-c", "import cryptography"];
    is_missing("python3 with the package cryptography", Command::new("python3").args(import))
}
