//! Where no answer comes, proxy1 says so within seconds, once, and clients wait for proxy2 to be there.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::programs::{greeted, sealed_proxy1, sealed_proxy2};

/// Four initiations in 4 s, half a second for an ICMP message, and a machine that runs other tests as well.
const TOLD: Duration = Duration::from_secs(8);

/// As behind a firewall that drops UDP: somebody has the port and says nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn udp_that_does_not_get_through() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let mut once = sealed_proxy2("0", target.address(), &folder);
    once.kill();
    let hole = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = hole.local_addr().unwrap();
    let proxy1 = sealed_proxy1("0", address, &folder);
    let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
    client.write_all(b"waits").await.unwrap();
    says_once(&proxy1, "UDP does not get through");

    drop(hole);
    let _proxy2 = sealed_proxy2(&address.to_string(), target.address(), &folder);
    let mut back = [0; 5];
    tokio::time::timeout(TOLD, client.read_exact(&mut back)).await.expect("it goes on").unwrap();
    assert_eq!(&back, b"waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticket_of_another_proxy2() {
    let target = Target::start(Manner::Echo).await;
    let (one, other) = (Folder::new(), Folder::new());
    let mut elsewhere = sealed_proxy2("0", target.address(), &other);
    elsewhere.kill();
    let proxy2 = sealed_proxy2("0", target.address(), &one);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &other);
    says_once(&proxy1, "the ticket is for another proxy2");
    // Nobody else is disturbed.
    let right = sealed_proxy1("0", proxy2.address(), &one);
    let _client = greeted(&right).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy2_that_answers_again_is_told_of() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = TcpStream::connect(proxy1.address()).await.unwrap();
    assert_eq!(exchange(&mut client, b"before").await, b"before");
    proxy2.signal("STOP");
    client.write_all(b"during").await.unwrap();
    says_once(&proxy1, "no answer from UDP");
    proxy2.signal("CONT");
    let mut back = [0; 6];
    tokio::time::timeout(TOLD, client.read_exact(&mut back)).await.expect("it goes on").unwrap();
    assert_eq!(&back, b"during");
    proxy1.wait_for("proxy2 answers again");
}

fn says_once(proxy1: &Process, sentence: &str) {
    let start = Instant::now();
    tokio::task::block_in_place(|| proxy1.wait_for(sentence));
    assert!(start.elapsed() < TOLD, "{:?}\n{}", start.elapsed(), proxy1.output());
    assert_eq!(proxy1.output().matches(sentence).count(), 1, "{}", proxy1.output());
}
