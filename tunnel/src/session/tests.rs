//! A pair in one process; what it does in every other situation is tested in the folder `tests`.

mod control;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::bind::classic::drive;
use super::*;
use crate::address::{HostPort, Listen};
use crate::local::listener::Listener;
use crate::settings::{Classic, ClassicEntry, ClassicExit};
use crate::udp::Udp;

/// A target that answers the first connection's bytes, once its FIN has come, with the same bytes.
async fn answer_after_fin(listener: TcpListener) {
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut all = Vec::new();
    connection.read_to_end(&mut all).await.unwrap();
    connection.write_all(&all).await.unwrap();
}

/// Where its clients connect.
fn clients(entry: &Session) -> SocketAddr {
    entry.listening()[0].tcp().unwrap()
}

/// A pair towards `target`.
async fn pair(target: SocketAddr) -> (Session, Session) {
    let mut options = Classic::default();
    options.table.linger = Duration::from_millis(20);
    let listen = Listen::loopback(0);
    let exit = ClassicExit { listen: listen.clone(), target: target.into(), options: options.clone() };
    let exit = Session::bind(exit).await.unwrap();
    let peer = exit.udp_addresses()[0].into();
    let entry = Session::bind(ClassicEntry { listen, peer, options }).await.unwrap();
    (entry, exit)
}

#[tokio::test]
async fn bytes_cross_and_the_session_ends_when_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (entry, exit) = pair(listener.local_addr().unwrap()).await;
    let address = clients(&entry);
    let mut counters = exit.counters();
    let (entry, exit) = (entry.run(), exit.run());
    let target = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4];
        connection.read_exact(&mut bytes).await.unwrap();
        connection.write_all(&bytes).await.unwrap();
        connection
    });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"hola").await.unwrap();
    let mut bytes = [0; 4];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hola");
    counters.wait_for(|counters| counters.streams == 1).await.unwrap();
    assert_eq!(entry.close().await.unwrap().streams_ended, 1);
    assert_eq!(client.read(&mut bytes).await.unwrap(), 0, "the end must reach the client");
    counters.wait_for(|counters| counters.streams == 0).await.unwrap();
    let mut connection = target.await.unwrap();
    assert_eq!(connection.read(&mut bytes).await.unwrap(), 0, "the end must reach the target");
    assert_eq!(exit.close().await.unwrap().received_bytes, 4);
}

#[tokio::test]
async fn a_fin_reaches_both_ends_behind_the_last_byte() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (entry, exit) = pair(listener.local_addr().unwrap()).await;
    let address = clients(&entry);
    let _running = (entry.run(), exit.run());
    let target = tokio::spawn(answer_after_fin(listener));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"to the last byte").await.unwrap();
    client.shutdown().await.unwrap();
    // One X ends both directions, so a target that answers only after the FIN is too late on this link; but it gets all
    // bytes and the FIN, and the client gets an orderly end.
    target.await.unwrap();
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).await.unwrap();
    assert_eq!(reply, b"");
}

/// An entry whose peer's name had these addresses when it was looked up, and which asks soon enough to notice in a
/// test that they are silent.
fn entry_to(host: &str, addresses: Vec<SocketAddr>) -> Session {
    entry_that_repeats(host, addresses, [800, 900, 100])
}

/// The same, repeating an unanswered `C` after so many milliseconds.
fn entry_that_repeats(host: &str, addresses: Vec<SocketAddr>, repeats: [u64; 3]) -> Session {
    let mut options = Classic::default();
    options.table.open_repeats = repeats.map(Duration::from_millis);
    let port = addresses.first().unwrap().port();
    let peer = classic::peer::Peer::known(HostPort { host: host.parse().unwrap(), port }, addresses);
    let clients = Listener::bind("127.0.0.1:0".parse().unwrap(), options.tcp_keepalive).unwrap();
    let udp = Udp::bind_any(options.socket_buffer).unwrap();
    let (udp_addresses, bound) = (vec![udp.local_addr().unwrap()], clients.local_addr().unwrap());
    let side = classic::entry::Entry::new(options.table.clone(), clients, peer);
    let proxy = Proxy::ClassicEntry(Box::new(drive(side, udp, &options).unwrap()));
    Session::new(udp_addresses, vec![Bound::Tcp(bound)], proxy)
}

/// The next datagram that is not a repeat of `seen`, and who sent it.
async fn next_datagram(socket: &UdpSocket, seen: &[u8]) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 100];
    loop {
        let received = timeout(Duration::from_secs(5), socket.recv_from(&mut buffer)).await;
        let (length, from) = received.expect("a datagram in time").unwrap();
        if &buffer[..length] != seen {
            return (buffer[..length].to_vec(), from);
        }
    }
}

#[tokio::test]
async fn a_name_is_looked_up_again_when_its_address_is_silent() {
    let found = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let stale = SocketAddr::new("127.0.0.9".parse().unwrap(), found.local_addr().unwrap().port());
    let entry = entry_to("localhost", vec![stale]);
    let (address, mut counters) = (clients(&entry), entry.counters());
    let _running = entry.run();
    let _client = TcpStream::connect(address).await.unwrap();
    let (datagram, _) = next_datagram(&found, b"").await;
    assert_eq!(datagram, b"C0");
    counters.wait_for(|counters| counters.name_lookups == 1).await.unwrap();
}

#[tokio::test]
async fn an_open_stream_stays_where_it_is_when_another_address_is_tried() {
    let (first, second) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let entry = entry_to("two.invalid", vec![first.local_addr().unwrap(), second.local_addr().unwrap()]);
    let address = clients(&entry);
    let _running = entry.run();
    let mut open = TcpStream::connect(address).await.unwrap();
    let (datagram, proxy1) = next_datagram(&first, b"").await;
    assert_eq!(datagram, b"C0");
    first.send_to(b"C0OK", proxy1).await.unwrap();
    open.write_all(b"one").await.unwrap();
    assert_eq!(next_datagram(&first, b"").await.0, b"D0one");
    // The first address takes long to dial another target, so the second is tried.
    let _waiting = TcpStream::connect(address).await.unwrap();
    assert_eq!(next_datagram(&second, b"").await.0, b"C1");
    open.write_all(b"two").await.unwrap();
    assert_eq!(next_datagram(&first, b"C1").await.0, b"D0two");
    first.send_to(b"D0three", proxy1).await.unwrap();
    let mut bytes = [0; 5];
    timeout(Duration::from_secs(5), open.read_exact(&mut bytes)).await.expect("data in time").unwrap();
    assert_eq!(&bytes, b"three");
}

/// Two sockets, each of which could be proxy2 and has the `C` of a client; the client; where the `C`s came from; and the
/// entry, which repeats no `C` to the same address.
async fn two_that_are_asked() -> ([UdpSocket; 2], TcpStream, SocketAddr, Handle) {
    let (first, second) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let addresses = vec![first.local_addr().unwrap(), second.local_addr().unwrap()];
    let entry = entry_that_repeats("two.invalid", addresses, [3_600_000; 3]);
    let address = clients(&entry);
    let running = entry.run();
    let client = TcpStream::connect(address).await.unwrap();
    assert_eq!(next_datagram(&first, b"").await.0, b"C0");
    let (datagram, proxy1) = next_datagram(&second, b"").await;
    assert_eq!(datagram, b"C0");
    ([first, second], client, proxy1, running)
}

#[tokio::test]
async fn the_first_address_that_answers_is_the_peer_and_a_later_one_is_sent_away() {
    let ([first, second], mut client, proxy1, entry) = two_that_are_asked().await;
    let mut counters = entry.counters();
    // What comes before the answer may be of the one that does not win.
    first.send_to(b"D0nobody", proxy1).await.unwrap();
    counters.wait_for(|counters| counters.datagrams_from_second_address == 1).await.unwrap();
    second.send_to(b"C0OK", proxy1).await.unwrap();
    client.write_all(b"hola").await.unwrap();
    assert_eq!(next_datagram(&second, b"").await.0, b"D0hola");
    first.send_to(b"C0OK", proxy1).await.unwrap();
    assert_eq!(next_datagram(&first, b"").await.0, b"X0");
    second.send_to(b"D0que tal", proxy1).await.unwrap();
    let mut bytes = [0; 7];
    timeout(Duration::from_secs(5), client.read_exact(&mut bytes)).await.expect("data in time").unwrap();
    assert_eq!(&bytes, b"que tal");
    let _next = TcpStream::connect(client.peer_addr().unwrap()).await.unwrap();
    assert_eq!(next_datagram(&second, b"").await.0, b"C1", "it is asked alone");
    assert_eq!(counters.borrow().datagrams_from_strangers, 0);
}

#[tokio::test]
async fn a_refusal_closes_what_another_address_may_have_opened() {
    let ([first, second], mut client, proxy1, _entry) = two_that_are_asked().await;
    second.send_to(b"C0NOK", proxy1).await.unwrap();
    assert_eq!(next_datagram(&first, b"").await.0, b"X0");
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let options = Classic::default();
    let settings = ClassicEntry { listen: address.into(), peer: address.into(), options };
    let error = Session::bind(settings).await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("in use"), "{error}");
}
