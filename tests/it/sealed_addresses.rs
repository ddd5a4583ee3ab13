//! IPv4, IPv6 and names, for the listeners, for proxy2 and for the target; one proxy2 for both kinds of address.

use std::net::SocketAddr;

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_everywhere() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let port = target.address().port().to_string();
    let proxy2 = program(PROXY2, &folder, ["localhost:0", "localhost", &port]);
    let port = proxy2.address().port().to_string();
    serves(&program(PROXY1, &folder, ["localhost:0", "localhost", &port])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipv6_everywhere() {
    let Ok(target) = Target::start_on("[::1]:0".parse().unwrap(), Manner::Echo).await else {
        return no_ipv6();
    };
    let folder = Folder::new();
    let port = target.address().port().to_string();
    let proxy2 = program(PROXY2, &folder, ["[::1]:0", "::1", &port]);
    let port = proxy2.address().port().to_string();
    for host in ["::1", "[::1]"] {
        serves(&program(PROXY1, &folder, ["[::1]:0", host, &port])).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_kinds_at_one_proxy2() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return no_ipv6();
    }
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let port = target.address().port().to_string();
    let proxy2 = program(PROXY2, &folder, ["[::]:0", "127.0.0.1", &port]);
    let port = proxy2.address().port().to_string();
    for host in ["127.0.0.1", "::1"] {
        serves(&program(PROXY1, &folder, ["0", host, &port])).await;
    }
}

fn program(path: &str, folder: &Folder, [listen, host, port]: [&str; 3]) -> Process {
    Process::listening(path, &[listen, host, port, "--state", &folder.path("state")])
}

async fn serves(proxy1: &Process) {
    let address: SocketAddr = proxy1.address();
    let mut client = TcpStream::connect(address).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn no_ipv6() {
    eprintln!("skipped: this machine has no IPv6");
}
