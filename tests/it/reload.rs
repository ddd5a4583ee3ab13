//! SIGHUP asks that tickets and names be read again, and ends nothing.
#![cfg(unix)]

use std::net::UdpSocket;
use std::process::Command;

use testbed::client::{exchange, read_to_reset};
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};

use crate::programs::{PROXY1, PROXY2, greeted, sealed_processes, try_greeted};

async fn goes_on(proxy1: Process, proxy2: Process) {
    let mut client = greeted(&proxy1).await;
    for _ in 0..2 {
        for proxy in [&proxy1, &proxy2] {
            proxy.signal("HUP");
            proxy.wait_for("reading tickets and names again");
        }
        assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_after_sighup_on_both_links() {
    let target = Target::start(Manner::Echo).await;
    let (proxy2, proxy1, _folder) = sealed_processes(target.address());
    goes_on(proxy1, proxy2).await;
    let port = target.address().port().to_string();
    let proxy2 = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &port]);
    let port = proxy2.address().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["--classic", "0", "localhost", &port]);
    goes_on(proxy1, proxy2).await;
}

/// A ticket that says where proxy2 is; `places` in the words of `--at`.
fn ticket(folder: &Folder, name: &str, places: &str) -> String {
    let add = ["ticket", "add", name, "--at", places, "--state", &folder.path("state")];
    let made = Command::new(PROXY2).args(add).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap()
}

fn revoke(state: &str, name: &str) {
    let revoke = Command::new(PROXY2).args(["ticket", "revoke", name, "--state", state]).output().unwrap();
    assert!(revoke.status.success(), "{revoke:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_all_that_proxy1_needs_and_another_takes_its_place() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let port = target.address().port().to_string();
    let state = folder.path("state");
    let proxy2 = Process::listening(PROXY2, &["0", "127.0.0.1", &port, "--state", &state]);
    // Nothing answers at the first of the two.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let places = format!("127.0.0.1:{silent},{}", proxy2.address().port());
    let file = folder.file("inside.ticket", &ticket(&folder, "one", &places), 0o600);
    let proxy1 = Process::listening(PROXY1, &["0", "--ticket-file", &file]);
    let mut client = greeted(&proxy1).await;
    proxy1.wait_for(&format!("link up peer={}", proxy2.address()));

    std::fs::write(&file, ticket(&folder, "two", &places)).unwrap();
    proxy1.signal("HUP");
    proxy1.wait_for("there is another ticket");
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
    revoke(&state, "one");
    read_to_reset(&mut client).await;
    let mut client = greeted(&proxy1).await;

    // Who is not let in any more begins again with what is there now.
    revoke(&state, "two");
    read_to_reset(&mut client).await;
    proxy1.wait_for("does not let this proxy1 in");
    std::fs::write(&file, ticket(&folder, "three", &places)).unwrap();
    proxy1.signal("HUP");
    proxy1.wait_for("is used from now on");
    let mut client = loop {
        match try_greeted(proxy1.address()).await {
            Ok(client) => break client,
            // It has not read the ticket yet.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    };

    // What is no ticket changes nothing.
    std::fs::write(&file, "paso1").unwrap();
    proxy1.signal("HUP");
    proxy1.wait_for("the ticket was not read again");
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
}
