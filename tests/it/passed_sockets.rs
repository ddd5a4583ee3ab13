//! A service manager keeps the sockets of a program that restarts: nothing that arrives meanwhile is lost.
#![cfg(unix)]

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2, sealed_proxy1, try_greeted};

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_datagram_that_comes_while_no_proxy2_runs_is_answered_by_the_next() {
    let target = Target::start(Manner::Echo).await;
    let (socket, address) = socket();
    let (listen, port) = (address.to_string(), target.address().port().to_string());
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(address).unwrap();
    client.set_read_timeout(Some(testbed::pair::PATIENCE)).unwrap();
    for id in ["1", "2"] {
        client.send(format!("C{id}").as_bytes()).unwrap();
        let words = ["--classic", listen.as_str(), "127.0.0.1", &port];
        let mut proxy2 =
            Process::spawn_passing(PROXY2, &words, socket.try_clone().unwrap()).until_listening();
        assert_eq!(proxy2.address(), address);
        let mut buffer = [0; 64];
        let length = client.recv(&mut buffer).expect("nobody sends it again");
        assert_eq!(buffer[..length], *format!("C{id}OK").as_bytes(), "{}", proxy2.output());
        proxy2.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_link_is_there_again_after_a_restart_and_after_a_reload() {
    let target = Target::start(Manner::Echo).await;
    let ((socket, address), folder) = (socket(), Folder::new());
    let text = |streams| {
        let (state, to) = (folder.path("state"), target.address());
        format!("listen = \"{address}\"\ntarget = \"{to}\"\nstate = \"{state}\"\nstreams = {streams}\n")
    };
    let file = folder.file("exit.toml", &text(100), 0o600);
    let start = || {
        let words = ["--config", file.as_str()];
        Process::spawn_passing(PROXY2, &words, socket.try_clone().unwrap()).until_listening()
    };
    let served = async |proxy1: &Process| {
        // What begins before proxy1 knows of the other process is reset.
        while let Err(error) = try_greeted(proxy1.address()).await {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{}", proxy1.output());
        }
    };
    let mut proxy2 = start();
    let proxy1 = sealed_proxy1("0", address, &folder);
    served(&proxy1).await;
    // What has changed makes it begin again, with the same socket.
    std::fs::write(&file, text(200)).unwrap();
    proxy2.signal("HUP");
    proxy2.wait_for("begins again");
    proxy2.wait_for("ready");
    served(&proxy1).await;
    proxy2.kill();
    let _proxy2 = start();
    served(&proxy1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_while_no_proxy1_runs_is_served_by_the_next() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = crate::programs::sealed_proxy2("0", target.address(), &folder);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let (forward, at) =
        (format!("{address}:127.0.0.1:{}", target.address().port()), proxy2.address().to_string());
    let words = ["-L", &forward, &at, "--state", &folder.path("state")];
    let proxy1 = Process::spawn_passing(PROXY1, &words, listener).until_listening();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
}

#[track_caller]
fn fails(mut process: Process, words: &str) {
    let code = process.wait().code();
    assert_eq!(code, Some(1), "{}", process.output());
    assert!(process.output().contains(words), "no `{words}`:\n{}", process.output());
}

#[test]
fn a_socket_at_another_address_is_named() {
    let (folder, (socket, address)) = (Folder::new(), socket());
    let state = folder.path("state");
    let other = format!("0.0.0.0:{}", address.port());
    let start = |listen: &str| {
        let words = [listen, "--state", &state];
        Process::spawn_passing(PROXY2, &words, socket.try_clone().unwrap())
    };
    fails(start("0"), &format!("the service manager passed UDP {address}, and nothing here listens there"));
    fails(start(&other), &format!("cannot listen on UDP {other}: the service manager passed UDP {address}"));
    let (one, _other) = UnixStream::pair().unwrap();
    let words = ["0", "--state", &state];
    fails(Process::spawn_passing(PROXY2, &words, one), "neither a UDP socket nor a TCP listener");
}
