//! Listeners of proxy2 whose clients go to proxy1.

use std::io::ErrorKind;
use std::time::Instant;

use super::*;

const LOOPBACK: &str = "listen:127.0.0.1:*";

#[tokio::test]
async fn clients_of_proxy2_reach_a_target_of_proxy1() {
    let exit = Exit::start(LOOPBACK).await;
    let to = target("inside ").await;
    let ticket = exit.ticket("one");
    let mut entry = exit.proxy1(&ticket, vec![reverse(at_any_port(), to)]).await;
    let bound = within(entry.ready()).await.unwrap();
    let address = bound[0].as_ref().unwrap().tcp().unwrap();
    assert_ne!(address.port(), 0);
    for length in [0, 3_000_000] {
        let client = TcpStream::connect(address).await.unwrap();
        assert_eq!(within(greeting(client, length)).await, "inside ");
    }
    // What was not registered cannot be reached.
    let link = entry.link().unwrap();
    let reverse = reverse(at_any_port(), to);
    assert!(link.unregister(&reverse).await.unwrap());
    assert!(!link.unregister(&reverse).await.unwrap());
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn a_crowd_at_one_address_leaves_streams_to_others_and_to_the_link_itself() {
    let set = |settings: &mut ServerSettings| settings.link.max_streams = 16;
    let exit = Exit::start_with(MemoryState::new(), Listen::loopback(0), LOOPBACK, set).await;
    let to = target("inside ").await;
    let both = vec![reverse(at_any_port(), to), reverse(at_any_port(), to)];
    let mut entry = exit.proxy1(&exit.ticket("one"), both).await;
    let bound = within(entry.ready()).await.unwrap();
    let [crowded, other] = [0, 1].map(|at: usize| bound[at].as_ref().unwrap().tcp().unwrap());
    let mut held = Vec::new();
    loop {
        let mut client = TcpStream::connect(crowded).await.unwrap();
        match within(client.read(&mut [0])).await {
            Ok(1) => held.push(client),
            refused => break assert!(refused.is_err(), "{refused:?}"),
        }
    }
    assert_eq!(held.len(), 9);
    let client = TcpStream::connect(other).await.unwrap();
    assert_eq!(within(greeting(client, 10)).await, "inside ");
    assert!(within(entry.link().unwrap().who_am_i()).await.is_ok(), "its control stream");
}

#[tokio::test]
async fn a_process_accepts_clients_itself_and_knows_who_they_are() {
    let exit = Exit::start(LOOPBACK).await;
    let entry = exit.joined("one").await;
    let mut listener =
        within(entry.link().unwrap().listen(ListenOn::Tcp(Listen::loopback(0)))).await.unwrap();
    let address = listener.bound().unwrap().tcp().unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    let from = client.local_addr().unwrap();
    let (stream, caller) = within(listener.accept()).await.unwrap();
    assert_eq!(caller, Caller { ticket: None, from: Some(from) });
    let (mut read, mut write) = tokio::io::split(stream);
    tokio::spawn(async move {
        write.write_all(b"process ").await?;
        tokio::io::copy(&mut read, &mut write).await?;
        write.shutdown().await
    });
    assert_eq!(within(greeting(client, 100_000)).await, "process ");
    drop(listener);
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn what_no_rule_allows_is_refused_with_the_command_that_allows_it_and_held_once_it_is() {
    let exit = Exit::start("dial:target").await;
    let to = target("").await;
    let ticket = exit.ticket("one");
    let mut entry = exit.proxy1(&ticket, vec![reverse(at_any_port(), to)]).await;
    let refused = within(entry.ready()).await.unwrap_err().to_string();
    assert!(refused.contains("proxy2 ticket allow one 'listen:127.0.0.1:*'"), "{refused}");
    assert_eq!(exit.running.counters().borrow().registrations_refused, 1);
    // Rules that change take what was held away, with its streams.
    let rules = |text: &str| Some(Rules::parse([text]).unwrap());
    let name = "one".parse().unwrap();
    exit.memory.set_rules(&name, rules(LOOPBACK)).unwrap();
    let link = entry.link().unwrap();
    let held = within(link.register(&reverse(at_any_port(), to))).await.unwrap();
    let address = held.bound().unwrap().tcp().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"x").await.unwrap();
    client.read_exact(&mut [0]).await.unwrap();
    let start = Instant::now();
    exit.memory.set_rules(&name, rules("use:*")).unwrap();
    let is_refused = |state: &RegistrationState| matches!(state, RegistrationState::Refused(_));
    within(held.state().wait_for(is_refused)).await.unwrap();
    let error = within(client.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(TcpStream::connect(address).await.is_err());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_address_goes_to_the_newest_process_of_its_ticket_and_to_nobody_else() {
    let exit = Exit::start(LOOPBACK).await;
    let (old, new) = (target("old ").await, target("new ").await);
    let ticket = exit.ticket("one");
    let mut first = exit.proxy1(&ticket, vec![reverse(at_any_port(), old)]).await;
    let address = within(first.ready()).await.unwrap()[0].as_ref().unwrap().tcp().unwrap();
    let at = ReverseAt::Listen(address.into());
    let stays = TcpStream::connect(address).await.unwrap();

    let other = exit.joined("two").await;
    let taken = within(other.link().unwrap().register(&reverse(at.clone(), new))).await;
    let taken = taken.unwrap_err().to_string();
    assert!(taken.contains("in use") && !taken.contains("one"), "{taken}");

    let mut second = exit.proxy1(&ticket, vec![reverse(at.clone(), new)]).await;
    within(second.ready()).await.unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    assert_eq!(within(greeting(client, 10)).await, "new ");
    assert_eq!(within(greeting(stays, 10)).await, "old ", "streams go on");
    let mut lost = first.counters();
    within(lost.wait_for(|counters| counters.registrations_handed_over == 1)).await.unwrap();
    // It is not taken back, also not on another control stream.
    let mut listener =
        within(first.link().unwrap().listen(ListenOn::Tcp(Listen::loopback(0)))).await.unwrap();
    let third = exit.proxy1(&ticket, vec![]).await;
    let bound = listener.bound().unwrap().tcp().unwrap();
    within(third.link().unwrap().register(&reverse(ReverseAt::Listen(bound.into()), new))).await.unwrap();
    assert!(matches!(within(listener.accept()).await, Err(NoClients::Lost(_))));
    let client = TcpStream::connect(address).await.unwrap();
    assert_eq!(within(greeting(client, 10)).await, "new ");
}

#[tokio::test]
async fn everything_is_asked_for_again_after_a_restart_of_proxy2() {
    let exit = Exit::start(LOOPBACK).await;
    let to = target("inside ").await;
    let ticket = exit.ticket("one");
    let mut entry = exit.proxy1(&ticket, vec![reverse(at_any_port(), to)]).await;
    let first = within(entry.ready()).await.unwrap()[0].clone().unwrap();
    let mut listener =
        within(entry.link().unwrap().listen(ListenOn::Tcp(Listen::loopback(0)))).await.unwrap();
    let mut state = listener.state();
    let Exit { memory, address, running } = exit;
    running.kill().await;
    let _again = Exit::start_with(memory, address.into(), LOOPBACK, |_| {}).await;
    let is_elsewhere =
        |state: &RegistrationState| matches!(state, RegistrationState::Held(Some(bound)) if *bound != first);
    state.mark_unchanged();
    within(state.changed()).await.unwrap();
    within(state.wait_for(is_elsewhere)).await.unwrap();
    let client = TcpStream::connect(listener.bound().unwrap().tcp().unwrap()).await.unwrap();
    let (_stream, caller) = within(listener.accept()).await.unwrap();
    assert_eq!(caller.from, client.local_addr().ok());
}

#[tokio::test]
async fn a_thousand_are_asked_for_at_once() {
    let exit = Exit::start("listen:127.0.0.1:* publish:*").await;
    let to = target("inside ").await;
    let reverses: Vec<_> = (0..500).map(|_| reverse(at_any_port(), to)).collect();
    let names = (0..500).map(|number| reverse(named(&format!("n{number}")), to));
    let ticket = exit.ticket("one");
    let start = Instant::now();
    let mut entry = exit.proxy1(&ticket, reverses.into_iter().chain(names).collect()).await;
    let bound = within(entry.ready()).await.unwrap();
    // Without optimisation, on a machine that is busy.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    for bound in [&bound[0], &bound[499]] {
        let client = TcpStream::connect(bound.as_ref().unwrap().tcp().unwrap()).await.unwrap();
        assert_eq!(within(greeting(client, 10)).await, "inside ");
    }
}

#[tokio::test]
async fn a_target_that_refuses_is_a_reset_and_nothing_else_of_proxy1_can_be_reached() {
    let exit = Exit::start(LOOPBACK).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut entry = exit.proxy1(&exit.ticket("one"), vec![reverse(at_any_port(), gone)]).await;
    let bound = within(entry.ready()).await.unwrap()[0].clone().unwrap();
    let mut client = TcpStream::connect(bound.tcp().unwrap()).await.unwrap();
    let error = within(client.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    within(entry.counters().wait_for(|counters| counters.targets_refused == 1)).await.unwrap();
}

#[tokio::test]
async fn a_target_is_told_the_client_of_proxy2_before_its_first_byte() {
    let exit = Exit::start(LOOPBACK).await;
    let proxy_protocol = Some(crate::settings::ProxyProtocol::V1);
    let reverse = Reverse { proxy_protocol, ..reverse(at_any_port(), target("").await) };
    let mut entry = exit.proxy1(&exit.ticket("one"), vec![reverse]).await;
    let at = within(entry.ready()).await.unwrap()[0].as_ref().unwrap().tcp().unwrap();
    let client = TcpStream::connect(at).await.unwrap();
    let from = client.local_addr().unwrap();
    let header = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n", from.port(), at.port());
    assert_eq!(within(greeting(client, 100)).await, header);
}

#[tokio::test]
async fn datagrams_that_come_to_proxy2_reach_a_target_of_proxy1() {
    use tokio::net::UdpSocket;

    let exit = Exit::start("listen:127.0.0.1:*/udp").await;
    let inside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = ReverseAt::Listen(ListenOn::Udp(Listen::loopback(0)));
    let to = ReverseTo::Udp(inside.local_addr().unwrap().into());
    let reverse = Reverse { at, to, proxy_protocol: None };
    let mut entry = exit.proxy1(&exit.ticket("one"), vec![reverse]).await;
    let bound = within(entry.ready()).await.unwrap()[0].as_ref().unwrap().udp().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(bound).await.unwrap();
    client.send(b"question").await.unwrap();
    let mut bytes = [0; 64];
    let (length, from) = within(inside.recv_from(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..length], b"question");
    inside.send_to(b"answer", from).await.unwrap();
    let length = within(client.recv(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..length], b"answer");
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_of_proxy2_leads_to_one_of_proxy1() {
    use tokio::net::{UnixListener, UnixStream};

    let folder = std::env::temp_dir().join(format!("paso-reverse-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (outside, inside) = (folder.join("outside"), folder.join("inside"));
    let listener = UnixListener::bind(&inside).unwrap();
    let exit = Exit::start(&format!("listen:unix:{}/*", folder.display())).await;
    let entry = exit.joined("one").await;
    let at = ReverseAt::Listen(ListenOn::Unix(outside.clone()));
    let reverse = Reverse { at, to: ReverseTo::Unix(inside), proxy_protocol: None };
    let held = within(entry.link().unwrap().register(&reverse)).await.unwrap();
    assert_eq!(held.bound(), Some(Bound::Unix(outside.clone())));
    let mut client = UnixStream::connect(&outside).await.unwrap();
    let (mut connection, _) = within(listener.accept()).await.unwrap();
    client.write_all(b"over").await.unwrap();
    let mut read = [0; 4];
    within(connection.read_exact(&mut read)).await.unwrap();
    assert_eq!(&read, b"over");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A proxy port at proxy2, whose clients say themselves what proxy1 dials.
async fn reverse_proxy(exit: &Exit) -> (Handle, SocketAddr) {
    let reverse = Reverse { at: at_any_port(), to: ReverseTo::AskedFor, proxy_protocol: None };
    let mut entry = exit.proxy1(&exit.ticket("one"), vec![reverse]).await;
    let bound = within(entry.ready()).await.unwrap()[0].as_ref().unwrap().tcp().unwrap();
    (entry, bound)
}

/// A request of SOCKS5 for an address, behind the choice of no authentication.
fn socks5(at: SocketAddr) -> Vec<u8> {
    let std::net::IpAddr::V4(ip) = at.ip() else { panic!("{at} is no IPv4 address") };
    [&[5, 1, 0, 5, 1, 0, 1][..], &ip.octets(), &at.port().to_be_bytes()].concat()
}

/// Sends a request to a proxy port; the answer, of that length.
async fn asks(port: SocketAddr, request: &[u8], length: usize) -> (TcpStream, Vec<u8>) {
    let mut client = TcpStream::connect(port).await.unwrap();
    client.write_all(request).await.unwrap();
    let mut answer = vec![0; length];
    within(client.read_exact(&mut answer)).await.unwrap();
    (client, answer)
}

#[tokio::test]
async fn clients_of_proxy2_reach_what_they_ask_proxy1_for() {
    let exit = Exit::start(LOOPBACK).await;
    let (entry, port) = reverse_proxy(&exit).await;
    let to = target("inside ").await;
    let (client, answer) = asks(port, &socks5(to), 12).await;
    assert_eq!(answer, [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(within(greeting(client, 1_000_000)).await, "inside ");
    let connect = format!("CONNECT localhost:{} HTTP/1.1\r\nhost: x\r\n\r\n", to.port());
    let (mut client, answer) = asks(port, connect.as_bytes(), 12).await;
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 200");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(client.read_u8()).await.unwrap());
    }
    assert_eq!(within(greeting(client, 100_000)).await, "inside ");
    within(entry.counters().wait_for(|now| now.streams_finished >= 2)).await.unwrap();
    // What was dialled ends with its client, and with the link.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let request = socks5(listener.local_addr().unwrap());
    let (first, _) = asks(port, &request, 12).await;
    let (mut target, _) = within(listener.accept()).await.unwrap();
    first.set_zero_linger().unwrap();
    drop(first);
    let error = within(target.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let (_second, _) = asks(port, &request, 12).await;
    let (mut target, _) = within(listener.accept()).await.unwrap();
    entry.kill().await;
    let error = within(target.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_a_client_of_a_reverse_proxy_port_cannot_have_is_said_to_it_and_counted() {
    let exit = Exit::start(LOOPBACK).await;
    let (entry, port) = reverse_proxy(&exit).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (_, answer) = asks(port, &socks5(gone), 4).await;
    assert_eq!(answer, [5, 0, 5, 5], "refused by the target");
    for forbidden in ["169.254.169.254:80", "169.254.1.1:80", "100.100.100.200:80"] {
        let (_, answer) = asks(port, &socks5(forbidden.parse().unwrap()), 4).await;
        assert_eq!(answer, [5, 0, 5, 2], "{forbidden}");
    }
    for forbidden in ["[fd00:ec2::254]:80", "[fe80::1]:80", "[::ffff:169.254.169.254]:80", "files.paso:80"] {
        let connect = format!("CONNECT {forbidden} HTTP/1.1\r\nhost: x\r\n\r\n");
        let (_, answer) = asks(port, connect.as_bytes(), 12).await;
        assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 403", "{forbidden}");
    }
    let mut counters = entry.counters();
    within(counters.wait_for(|now| now.streams_forbidden == 7 && now.targets_refused == 1)).await.unwrap();
    let mut client = TcpStream::connect(port).await.unwrap();
    client.write_all(b"\x01").await.unwrap();
    within(counters.wait_for(|now| now.proxy_clients_malformed == 1)).await.unwrap();
}

#[tokio::test]
async fn a_stream_outlives_its_address_but_not_the_rule_for_it() {
    let exit = Exit::start(LOOPBACK).await;
    let entry = exit.joined("one").await;
    let mut listener =
        within(entry.link().unwrap().listen(ListenOn::Tcp(Listen::loopback(0)))).await.unwrap();
    let address = listener.bound().unwrap().tcp().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut accepted, _) = within(listener.accept()).await.unwrap();
    drop(listener);
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    accepted.write_all(b"x").await.unwrap();
    within(client.read_exact(&mut [0])).await.unwrap();
    exit.memory.set_rules(&"one".parse().unwrap(), Some(Rules::none())).unwrap();
    let error = within(client.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
