//! A process that has no descriptor left refuses what it cannot serve, at once; what is open goes on.
#![cfg(unix)]

use std::net::SocketAddr;

use testbed::client::{exchange, is_turned_away};
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2, sealed_program, sealed_proxy1, sealed_proxy2};

/// Connections that are tried: more than the descriptors.
const CLIENTS: usize = 60;

/// A program with so many descriptors, soft and hard limit both.
fn limited(descriptors: usize, program: &str, to: SocketAddr, options: &[&str]) -> Process {
    let script = format!(r#"ulimit -n {descriptors}; exec "$0" "$@""#);
    let (host, port) = (to.ip().to_string(), to.port().to_string());
    let words = ["-c", &script, program, "0", &host, &port];
    Process::listening("/bin/sh", &[&words[..], options].concat())
}

/// Connects many, some of which are served; those that are not are reset. The served ones.
async fn crowd(address: SocketAddr) -> Vec<TcpStream> {
    let mut served = Vec::new();
    for _ in 0..CLIENTS {
        let Ok(mut client) = TcpStream::connect(address).await else { continue };
        if is_served(&mut client).await {
            served.push(client);
        }
    }
    served
}

/// Whether the client gets an answer; else it is reset. It never waits for long.
async fn is_served(client: &mut TcpStream) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut answer = [0; 4];
    let both = async {
        client.write_all(b"hola").await?;
        client.read_exact(&mut answer).await
    };
    let both = tokio::time::timeout(testbed::pair::PATIENCE, both).await;
    let both = both.expect("whoever cannot be served is told so at once");
    both.map_err(|error| assert_ne!(error.kind(), std::io::ErrorKind::UnexpectedEof)).is_ok()
}

#[test]
fn a_program_that_cannot_start_says_what_to_do() {
    let folder = Folder::new();
    for descriptors in 4..11 {
        let script = format!(r#"ulimit -n {descriptors}; exec "$0" "$@""#);
        let state = folder.path("state");
        let words = ["-c", &script, PROXY2, "0", "127.0.0.1", "5000", "--state", &state];
        let mut process = Process::spawn("/bin/sh", &words);
        assert_eq!(process.wait().code(), Some(1), "{descriptors}: {}", process.output());
        assert!(process.output().contains("(ulimit -n)"), "{descriptors}: {}", process.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_proxy1_refuses_clients() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target.address(), &folder);
    let proxy1 = limited(40, PROXY1, proxy2.address(), &["--state", &folder.path("state")]);
    assert!(proxy1.output().contains("so many streams cannot be had"), "{}", proxy1.output());
    let mut served = crowd(proxy1.address()).await;
    assert!((10..40).contains(&served.len()), "{}", served.len());
    for client in &mut served {
        assert_eq!(exchange(client, b"still here").await, b"still here");
    }
    drop(served);
    is_served_again(proxy1.address()).await;
}

/// The table of a classic link is far smaller than the descriptors, so these must be very few.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_classic_proxy1_refuses_clients() {
    let target = Target::start(Manner::Echo).await;
    let port = target.address();
    let proxy2 = Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &port.port().to_string()]);
    let proxy1 = limited(16, PROXY1, proxy2.address(), &["--classic"]);
    let mut served = crowd(proxy1.address()).await;
    assert!((1..10).contains(&served.len()), "{}", served.len());
    for client in &mut served {
        assert_eq!(exchange(client, b"still here").await, b"still here");
    }
    assert!(proxy1.output().contains("no descriptor is left"), "{}", proxy1.output());
}

/// One ticket takes what it can get, and gets a part: another one is served, and so is the first one's old stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ticket_takes_the_descriptors_of_proxy2() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let state = folder.path("state");
    let proxy2 = limited(80, PROXY2, target.address(), &["--state", &state]);
    let add = std::process::Command::new(PROXY2).args(["ticket", "add", "other", "--state", &state]).output();
    let other = folder.file("other", &String::from_utf8(add.unwrap().stdout).unwrap(), 0o600);
    // Two links of one ticket have together what one would have.
    let first = [(); 2].map(|()| sealed_proxy1("0", proxy2.address(), &folder));
    let mut served = Vec::new();
    for proxy1 in &first {
        served.extend(crowd(proxy1.address()).await);
    }
    assert_eq!(served.len(), 30, "three quarters of half of the descriptors");
    is_turned_away(first[0].address()).await;
    let second = sealed_program(PROXY1, "0", proxy2.address(), &folder, &["--ticket-file", &other]);
    let mut late = TcpStream::connect(second.address()).await.unwrap();
    assert_eq!(exchange(&mut late, b"there is room").await, b"there is room");
    for client in &mut served {
        assert_eq!(exchange(client, b"still here").await, b"still here");
    }
    drop(served);
    is_served_again(first[1].address()).await;
}

/// The ends of the connections have to get through first.
async fn is_served_again(address: SocketAddr) {
    let deadline = tokio::time::Instant::now() + testbed::pair::PATIENCE;
    while tokio::time::Instant::now() < deadline {
        if let Ok(mut client) = TcpStream::connect(address).await
            && is_served(&mut client).await
        {
            return;
        }
    }
    panic!("what was let go of cannot be had again");
}
