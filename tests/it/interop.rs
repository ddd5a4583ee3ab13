//! Our programs work with peers that somebody else could have written: `tests/interop/*.py`.

use testbed::process::Process;

use crate::programs::{ECHO, PROXY1, PROXY2, echo_server, python_is_missing};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/classic_peer.py");
const PLAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/plain_proxy1.py");

#[test]
fn their_proxy1_with_our_proxy2() {
    their_proxy1(&[]);
}

#[test]
fn their_proxy1_sends_a_byte_after_the_id() {
    their_proxy1(&["--trailing"]);
}

#[test]
fn their_proxy1_does_not_wait_for_the_answer() {
    their_proxy1(&["--eager"]);
}

#[test]
fn their_proxy1_does_both() {
    their_proxy1(&["--trailing", "--eager"]);
}

#[test]
fn our_proxy1_with_their_proxy2() {
    if python_is_missing() {
        return;
    }
    let (_echo, target) = echo_server();
    let proxy2 = Process::listening("python3", &[PEER, "proxy2", "0", "127.0.0.1", &target]);
    let link = proxy2.address().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["--classic", "0", "127.0.0.1", &link]);
    ten_echoes_through(&proxy1, &proxy2);
}

/// The example of the README: what its rate is good for is measured, see `docs/performance.md`.
#[test]
fn a_plain_proxy1_with_our_proxy2_at_a_low_rate() {
    if python_is_missing() {
        return;
    }
    let (_echo, target) = echo_server();
    let proxy2 = Process::listening(PROXY2, &["--classic", "--rate", "10Mbit", "0", "127.0.0.1", &target]);
    let link = proxy2.address().port().to_string();
    let proxy1 = Process::listening("python3", &[PLAIN, "0", "127.0.0.1", &link]);
    ten_echoes_through(&proxy1, &proxy2);
}

fn their_proxy1(options: &[&str]) {
    if python_is_missing() {
        return;
    }
    let (_echo, target) = echo_server();
    let proxy2 = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &target]);
    let link = proxy2.address().port().to_string();
    let proxy1 =
        Process::listening("python3", &[&[PEER, "proxy1", "0", "127.0.0.1", &link], options].concat());
    ten_echoes_through(&proxy1, &proxy2);
}

/// Ten clients at a time. They do not send as fast as they can: the peer in Python could not receive it, and this link
/// does not repeat what is lost.
fn ten_echoes_through(proxy1: &Process, proxy2: &Process) {
    let entry = proxy1.address().to_string();
    let load = ["--clients", "10", "--bytes", "40kB", "--chunk", "1kB", "--think", "5ms", "--silence", "5s"];
    let mut client = Process::spawn(ECHO, &[&["client", &entry], &load[..]].concat());
    let status = client.wait();
    let outputs = [client.output(), proxy1.output(), proxy2.output()].join("\n");
    assert_eq!(status.code(), Some(0), "{outputs}");
}
