//! Whoever writes the other side of a classic link finds out from our log what is wrong with it, and cannot fill the log.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use testbed::process::Process;

use crate::programs::{ECHO, PROXY1, PROXY2};

fn proxy2(target: SocketAddr) -> Process {
    Process::listening(PROXY2, &["--classic", "0", "127.0.0.1", &target.port().to_string()])
}

/// A socket that speaks to `to`, and waits for no answer longer than a test may take.
fn speaks_to(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.connect(to).unwrap();
    socket
}

#[track_caller]
fn answers(socket: &UdpSocket, expected: &[u8]) {
    let mut datagram = [0; 64];
    let length = socket.recv(&mut datagram).unwrap();
    assert_eq!(String::from_utf8_lossy(&datagram[..length]), String::from_utf8_lossy(expected));
}

/// The next warning has all of these parts.
#[track_caller]
fn warns(program: &Process, parts: &[&str]) {
    let line = program.wait_for(" WARN ");
    assert!(parts.iter().all(|part| line.contains(part)), "{line} has not all of {parts:?}");
}

#[test]
fn proxy2_names_each_mistake_of_a_proxy1() {
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let proxy2 = proxy2(echo.address());
    let proxy1 = speaks_to(proxy2.address());
    let from = format!("from={} ", proxy1.local_addr().unwrap());
    let mistakes: [(&[u8], &str, &str); 9] = [
        (b"C\x01", "hex=\"43 01\" ", "it is the number 1, write the digit '1' (0x31)\" rule=\"id: "),
        (b"1C", "hex=\"31 43\" ", "kind and id are swapped, write 'C1' for '1C'\" rule=\"kind: "),
        (b"c1", "hex=\"63 31\" ", "kinds are upper case, write 'C'\" rule=\"kind: "),
        (b"Co", "hex=\"43 6f\" ", "a letter stands for the digit of the id in descriptions"),
        (b"C", "hex=\"43\" ", "there is no id\" rule=\"id: "),
        (b"C:", "hex=\"43 3a\" ", "10 is out of range, ids are '0' to '9'\" rule=\"id: "),
        (b"D1hola", "hex=\"44 31 68 6f 6c 61\" ", "D1 for an id that is not open"),
        (b"X1", "hex=\"58 31\" ", "X1 for an id that is not open"),
        (b"C1OK", "hex=\"43 31 4f 4b\" ", "came to a proxy2\" rule=\"roles: "),
    ];
    for (datagram, hex, reason) in mistakes {
        proxy1.send(datagram).unwrap();
        warns(&proxy2, &["a datagram breaks the protocol", &from, hex, reason]);
    }
    answers(&proxy1, b"X1");
    proxy1.send(b"C00").unwrap();
    answers(&proxy1, b"C0OK");
    proxy1.send(b"D00hola").unwrap();
    warns(
        &proxy2,
        &["hex=\"44 30 30 68 6f 6c 61\" ", "C00, then D00: the second digit of the id goes to the target"],
    );
    answers(&proxy1, b"D00hola");
}

#[test]
fn proxy1_names_each_mistake_of_a_proxy2() {
    let proxy2 = UdpSocket::bind("127.0.0.1:0").unwrap();
    proxy2.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let port = proxy2.local_addr().unwrap().port().to_string();
    let proxy1 = Process::listening(PROXY1, &["--classic", "0", "127.0.0.1", &port]);
    let _client = TcpStream::connect(proxy1.address()).unwrap();
    let mut datagram = [0; 64];
    let (length, to) = proxy2.recv_from(&mut datagram).unwrap();
    assert_eq!(&datagram[..length], b"C0");

    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.send_to(b"C0OK", to).unwrap();
    warns(&proxy1, &["answer from the socket that the request came to", "rule=\"one-peer: "]);
    let mistakes: [(&[u8], &str); 5] = [
        (b"CoOK", "a letter stands for the digit of the id in descriptions, write the digit, as in 'C1'"),
        (b"C00OK", "OK and NOK come right behind the one digit of the id, as in 'C1OK'"),
        (b"C0ok", "OK and NOK are upper case"),
        (b"COK0", "the id comes before OK and NOK, as in 'C1OK'"),
        (b"C5OK", "an answer for id 5, which nobody asked to open"),
    ];
    for (datagram, reason) in mistakes {
        proxy2.send_to(datagram, to).unwrap();
        warns(&proxy1, &[reason]);
    }
}

#[test]
fn an_x_that_comes_before_the_reply_is_told_with_what_it_loses() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut proxy2 = proxy2(target.local_addr().unwrap());
    let proxy1 = speaks_to(proxy2.address());
    proxy1.send(b"C1").unwrap();
    let (mut target, _) = target.accept().unwrap();
    answers(&proxy1, b"C1OK");
    proxy1.send(b"D1hola").unwrap();
    proxy1.send(b"X1").unwrap();
    let mut request = Vec::new();
    target.read_to_end(&mut request).unwrap();
    assert_eq!(request, b"hola", "what came before the X is delivered");
    target.write_all(b"reply").unwrap();
    drop(target);
    warns(
        &proxy2,
        &["the peer's X came before everything was delivered", "id=1", "unread=5", "rule=\"half-close: "],
    );
    proxy2.signal("INT");
    assert_eq!(proxy2.wait().code(), Some(0));
    assert!(proxy2.output().contains("bytes lost to an early X: 5"), "{}", proxy2.output());
}

#[test]
fn an_x_behind_the_reply_is_not_complained_about() {
    let proxy2 = UdpSocket::bind("127.0.0.1:0").unwrap();
    proxy2.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let port = proxy2.local_addr().unwrap().port().to_string();
    let mut proxy1 = Process::listening(PROXY1, &["--classic", "0", "127.0.0.1", &port]);
    let mut client = TcpStream::connect(proxy1.address()).unwrap();
    let (_, to) = proxy2.recv_from(&mut [0; 64]).unwrap();
    for datagram in [&b"C0OK"[..], b"D0hola", b"X0"] {
        proxy2.send_to(datagram, to).unwrap();
    }
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).unwrap();
    assert_eq!(reply, b"hola");
    proxy1.signal("INT");
    assert_eq!(proxy1.wait().code(), Some(0));
    let log = proxy1.output();
    assert!(!log.contains("breaks the protocol") && !log.contains("lost"), "{log}");
}

#[test]
fn a_flood_of_mistakes_is_counted_and_does_not_fill_the_log() {
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let mut proxy2 = proxy2(echo.address());
    let proxy1 = speaks_to(proxy2.address());
    let start = Instant::now();
    for _ in 0..10_000 {
        proxy1.send(b"c1").unwrap();
        thread::yield_now();
    }
    // The answer comes when all before it has been read.
    proxy1.send(b"D1").unwrap();
    answers(&proxy1, b"X1");
    proxy2.signal("INT");
    assert_eq!(proxy2.wait().code(), Some(0));
    let log = proxy2.output();
    let lines = log.lines().filter(|line| line.contains("breaks the protocol")).count();
    // So many at once, and one a second.
    let most = 5 + start.elapsed().as_secs() + 1;
    assert!((1..=most).contains(&(lines as u64)), "{lines} lines in {log}");
    let summary = log.lines().find(|line| line.contains("not understood or not expected")).unwrap();
    assert!(summary.contains("log lines held back: "), "{summary}");
}
