//! The programs in Python of the course's page, `docs/es/tarea.md`: ten clients get everything back, the eleventh is closed.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use testbed::process::Process;

use crate::programs::{ECHO, PROXY1, PROXY2, echo_server, python_is_missing};

const THEIR_PROXY1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/es/proxy1.py");
const THEIR_PROXY2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/es/proxy2.py");

/// The rate of the page: one thread of Python that reads into the system's own socket buffer keeps up with it.
const RATE: &str = "20Mbit";

#[test]
fn proxy1_in_python_serves_ten_clients_and_closes_the_eleventh() {
    if python_is_missing() {
        return;
    }
    let (_echo, target) = echo_server();
    let proxy2 = Process::listening(PROXY2, &["--classic", "--rate", RATE, "0", "127.0.0.1", &target]);
    let link = proxy2.address().port().to_string();
    let (proxy1, entry) = python(THEIR_PROXY1, &["0", "127.0.0.1", &link]);
    everything_returns(entry, &[&proxy1, &proxy2]);
    a_client_that_closes_its_side_gets_the_reply(entry);
    ten_go_on_and_the_eleventh_is_closed(entry);
}

#[test]
fn proxy1_of_ours_with_proxy2_in_python() {
    if python_is_missing() {
        return;
    }
    let (_echo, target) = echo_server();
    let (proxy2, link) = python(THEIR_PROXY2, &["0", "127.0.0.1", &target]);
    let port = link.port().to_string();
    let proxy1 = Process::listening(PROXY1, &["--classic", "--rate", RATE, "0", "127.0.0.1", &port]);
    everything_returns(proxy1.address(), &[&proxy1, &proxy2]);
    a_client_that_closes_its_side_gets_the_reply(proxy1.address());
    ten_go_on_and_the_eleventh_is_closed(proxy1.address());
}

#[test]
fn both_in_python() {
    if python_is_missing() {
        return;
    }
    let (_echo, target) = echo_server();
    let (proxy2, link) = python(THEIR_PROXY2, &["0", "127.0.0.1", &target]);
    let (proxy1, entry) = python(THEIR_PROXY1, &["0", "127.0.0.1", &link.port().to_string()]);
    a_client_that_closes_its_side_gets_the_reply(entry);
    ten_go_on_and_the_eleventh_is_closed(entry);
    drop((proxy1, proxy2));
}

/// A program in Python, and where it listens.
fn python(program: &str, arguments: &[&str]) -> (Process, SocketAddr) {
    let process = Process::spawn("python3", &[&[program], arguments].concat());
    let line = process.wait_for("escuchando");
    let address = line.rsplit(' ').next().unwrap().parse().unwrap();
    (process, address)
}

/// The command of the page; where the machine is busy with other tests nobody is given up early.
fn everything_returns(entry: SocketAddr, proxies: &[&Process]) {
    let entry = entry.to_string();
    let load = ["--clients", "10", "--bytes", "500kB", "--silence", "10s"];
    let mut client = Process::spawn(ECHO, &[&["client", &entry], &load[..]].concat());
    let status = client.wait_for_end(Duration::from_secs(60));
    let outputs: Vec<_> = proxies.iter().map(|proxy| proxy.output()).collect();
    let outputs = format!("{}\n{}", client.output(), outputs.join("\n"));
    assert_eq!(status.code(), Some(0), "{outputs}");
    assert!(outputs.contains("everything returned: 5.00 MB byte for byte"), "{outputs}");
}

fn ten_go_on_and_the_eleventh_is_closed(entry: SocketAddr) {
    // Ids of the clients before may be taken until their proxy has closed them: a client that is turned away tries again.
    let ten: Vec<_> = (0..10).map(|_| until_served(entry)).collect();
    let end = connect(entry).read(&mut [0]);
    let is_closed =
        end.as_ref().map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |&bytes| bytes == 0);
    assert!(is_closed, "the eleventh client is closed without a byte: {end:?}");
    for (number, mut client) in ten.into_iter().enumerate() {
        assert!(echoes(&mut client), "client {number} goes on");
    }
}

/// As `printf hola | nc -N`: what an early `X` would lose.
fn a_client_that_closes_its_side_gets_the_reply(entry: SocketAddr) {
    let mut client = until_served(entry);
    client.write_all(b"adios").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).unwrap();
    assert_eq!(reply, b"adios");
}

fn until_served(entry: SocketAddr) -> TcpStream {
    for _ in 0..100 {
        let mut client = connect(entry);
        if echoes(&mut client) {
            return client;
        }
    }
    panic!("no client is served at {entry}");
}

fn connect(entry: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(entry).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
}

fn echoes(client: &mut TcpStream) -> bool {
    let mut answer = [0; 4];
    client.write_all(b"hola").is_ok() && client.read_exact(&mut answer).is_ok() && answer == *b"hola"
}
