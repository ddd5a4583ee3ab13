//! What clients of a proxy port write and read, through a pair of proxies.

mod hostile;
mod http;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::address::Listen;
use crate::metrics::Counters;
use crate::rules::Rules;
use crate::session::{Handle, ResetCode, Session};
use crate::settings::{Allow, CarryTo, ClientSettings, Forward, ServerSettings, TicketSource};
use crate::state::MemoryState;

/// proxy1 with a proxy port, and a proxy2 that dials every port of 127.0.0.1.
struct Pair {
    address: SocketAddr,
    entry: Handle,
    _exit: Handle,
}

impl Pair {
    async fn start() -> Self {
        let memory = MemoryState::new();
        let ticket = memory.add_ticket("one".parse().unwrap()).unwrap();
        let allow = Allow {
            target: None,
            rules: Rules::parse(["dial:127.0.0.1:*", "dial:[::1]:*", "dial:localhost:*"]).unwrap(),
        };
        let exit = ServerSettings::new(Listen::loopback(0), (&memory).into(), allow);
        let exit = Session::bind(exit).await.unwrap();
        let to = CarryTo::AskedFor;
        let forward = Forward { listen: Listen::loopback(0).into(), to, proxy_protocol: None };
        let places = vec![exit.udp_addresses()[0].into()];
        let entry = ClientSettings::new(TicketSource::Given(ticket), places).forward(forward);
        let entry = Session::bind(entry).await.unwrap();
        Self { address: entry.listening()[0].tcp().unwrap(), entry: entry.run(), _exit: exit.run() }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A client that has written this.
    async fn says(&self, bytes: &[u8]) -> TcpStream {
        let mut client = self.connect().await;
        client.write_all(bytes).await.unwrap();
        client
    }

    async fn wait_for(&self, condition: impl Fn(&Counters) -> bool) {
        self.entry.counters().wait_for(|now| condition(now)).await.unwrap();
    }
}

/// Answers each connection with what it sends, in upper case.
async fn shouting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 1_024];
                while let Ok(count @ 1..) = connection.read(&mut bytes).await {
                    bytes.make_ascii_uppercase();
                    connection.write_all(&bytes[..count]).await.unwrap();
                }
            });
        }
    });
    address
}

async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn reads(client: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn reads_to_end(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    bytes
}

fn socks5(kind: u8, host: &[u8], port: u16) -> Vec<u8> {
    [&[5, 1, 0, 5, 1, 0, kind], host, &port.to_be_bytes()].concat()
}

fn named(name: &str, port: u16) -> Vec<u8> {
    let host = [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    socks5(3, &host, port)
}

const SOCKS5_METHOD: [u8; 2] = [5, 0];
const SOCKS5_SUCCESS: [u8; 10] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

async fn is_answered(pair: &Pair, request: &[u8], code: u8) {
    let mut client = pair.says(request).await;
    assert_eq!(reads(&mut client, 2).await, SOCKS5_METHOD);
    assert_eq!(reads_to_end(&mut client).await, [5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn socks5_connects_by_name_and_by_address() {
    let (pair, target) = (Pair::start().await, shouting().await);
    let v6 = TcpListener::bind("[::1]:0").await;
    for request in [
        named("localhost", target.port()),
        named("127.0.0.1", target.port()),
        socks5(1, &[127, 0, 0, 1], target.port()),
    ] {
        // What comes behind the request at once is the target's.
        let mut client = pair.says(&[&request[..], b"hola "].concat()).await;
        assert_eq!(reads(&mut client, 12).await, [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS[..]].concat());
        client.write_all(b"otra vez").await.unwrap();
        assert_eq!(reads(&mut client, 13).await, b"HOLA OTRA VEZ");
        client.shutdown().await.unwrap();
        assert_eq!(reads_to_end(&mut client).await, b"");
    }
    if let Ok(v6) = v6 {
        let ip = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let mut client = pair.says(&socks5(4, &ip, v6.local_addr().unwrap().port())).await;
        assert_eq!(reads(&mut client, 12).await, [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS[..]].concat());
        v6.accept().await.unwrap();
    }
    pair.wait_for(|now| now.streams_finished == 3).await;
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let (pair, target) = (Pair::start().await, shouting().await);
    let mut client = pair.connect().await;
    client.set_nodelay(true).unwrap();
    for byte in named("localhost", target.port()) {
        client.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(reads(&mut client, 12).await, [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS[..]].concat());
}

#[tokio::test]
async fn a_target_that_speaks_first_is_heard_behind_the_success() {
    let pair = Pair::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = pair.says(&socks5(1, &[127, 0, 0, 1], listener.local_addr().unwrap().port())).await;
    let (mut target, _) = listener.accept().await.unwrap();
    target.write_all(b"SSH-2.0").await.unwrap();
    drop(target);
    let all = [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS, b"SSH-2.0"].concat();
    assert_eq!(reads(&mut client, all.len()).await, all);
}

#[tokio::test]
async fn each_failure_has_its_code_in_socks5() {
    let pair = Pair::start().await;
    let port = refusing().await.port();
    is_answered(&pair, &socks5(1, &[127, 0, 0, 1], port), 5).await;
    is_answered(&pair, &socks5(1, &[127, 0, 0, 2], port), 2).await;
    is_answered(&pair, &named("files.paso", 80), 2).await;
    is_answered(&pair, &named("no such host", 80), 4).await;
    // UDP ASSOCIATE, and an unknown kind of address.
    is_answered(&pair, &[5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0], 7).await;
    is_answered(&pair, &[5, 1, 0, 5, 1, 0, 9, 0, 0], 8).await;
    is_answered(&pair, &[5, 1, 0, 4, 1, 0, 1], 1).await;
    // Only with a password.
    let mut client = pair.says(&[5, 1, 2]).await;
    assert_eq!(reads_to_end(&mut client).await, [5, 255]);
    pair.wait_for(|now| now.proxy_clients_unsupported == 3 && now.proxy_clients_malformed == 2).await;
}

#[tokio::test]
async fn socks4_and_4a_connect_and_fail() {
    let (pair, target, gone) = (Pair::start().await, shouting().await, refusing().await);
    let request = |port: u16, host: &[u8]| [&[4, 1], &port.to_be_bytes()[..], host].concat();
    for host in [b"\x7f\0\0\x01me\0".as_slice(), b"\0\0\0\x01\0localhost\0"] {
        let mut client = pair.says(&[&request(target.port(), host)[..], b"hola"].concat()).await;
        assert_eq!(reads(&mut client, 12).await, b"\0\x5a\0\0\0\0\0\0HOLA");
    }
    for (port, host) in [(gone.port(), b"\x7f\0\0\x01me\0".as_slice()), (80, b"\0\0\0\x01\0a b\0")] {
        let mut client = pair.says(&request(port, host)).await;
        assert_eq!(reads_to_end(&mut client).await, b"\0\x5b\0\0\0\0\0\0");
    }
    let mut client = pair.says(&[4, 2, 0, 80, 127, 0, 0, 1, 0]).await;
    assert_eq!(reads_to_end(&mut client).await, b"\0\x5b\0\0\0\0\0\0");
    // A user that never ends.
    let mut client = pair.says(&[&[4, 1, 0, 80, 127, 0, 0, 1], [b'x'; 2_000].as_slice()].concat()).await;
    assert_ne!(client.read(&mut [0; 9]).await.ok(), Some(9));
    pair.wait_for(|now| now.proxy_clients_unsupported == 1 && now.proxy_clients_malformed == 2).await;
}

#[tokio::test]
async fn what_is_neither_is_reset_and_counted() {
    let pair = Pair::start().await;
    for garbage in [b"\x16\x03\x01".as_slice(), b"\0", b"\x03", b"{}", b"SSH-2.0-x\r\n\r\n"] {
        let mut client = pair.says(garbage).await;
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{garbage:?}");
    }
    pair.wait_for(|now| now.proxy_clients_malformed == 5).await;
}

#[tokio::test]
async fn a_client_that_says_nothing_has_its_time_and_costs_nobody_else_his() {
    let (pair, target) = (Pair::start().await, shouting().await);
    let mut silent = [pair.connect().await, pair.says(&[5]).await, pair.says(b"GET ").await];
    let mut client = pair.says(&named("localhost", target.port())).await;
    assert_eq!(reads(&mut client, 12).await, [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS[..]].concat());
    for client in &mut silent {
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
    }
    pair.wait_for(|now| now.proxy_clients_timed_out == 3).await;
}

#[tokio::test]
async fn one_client_more_than_a_port_may_have_is_refused_and_counted() {
    let (pair, target) = (Pair::start().await, shouting().await);
    let mut silent = Vec::new();
    // All are of one machine, which leaves places to others.
    for _ in 0..super::places::MAX_CLIENTS / 4 * 3 {
        silent.push(pair.connect().await);
    }
    // Perhaps before `connect` is back.
    if let Ok(mut surplus) = TcpStream::connect(pair.address).await {
        assert!(surplus.read(&mut [0]).await.is_err(), "it is reset");
    }
    pair.wait_for(|now| now.proxy_clients_refused == 1).await;
    // One that goes makes room, and so does one that is on its way.
    silent.pop();
    for _ in 0..3 {
        silent.push(served_when_there_is_room(&pair, &named("localhost", target.port())).await);
    }
}

/// A client that tries until the port takes it.
async fn served_when_there_is_room(pair: &Pair, request: &[u8]) -> TcpStream {
    loop {
        let Ok(mut client) = TcpStream::connect(pair.address).await else { continue };
        let mut answer = [0; 12];
        if client.write_all(request).await.is_ok() && client.read_exact(&mut answer).await.is_ok() {
            assert_eq!(answer[..], [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS[..]].concat());
            return client;
        }
    }
}

#[test]
fn codes_are_told_one_to_one() {
    use super::socks::Dialogue;
    let code = |code| Dialogue::new(Vec::new()).failure(code)[1];
    for (reset, said) in [
        (ResetCode::Limit, 1),
        (ResetCode::Forbidden, 2),
        (ResetCode::Unreachable, 4),
        (ResetCode::Refused, 5),
        (ResetCode::TimedOut, 6),
    ] {
        assert_eq!(code(reset), said);
    }
}

#[tokio::test]
async fn a_client_that_goes_while_its_target_is_dialled_leaves_nothing() {
    let pair = Pair::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = pair.says(&socks5(1, &[127, 0, 0, 1], listener.local_addr().unwrap().port())).await;
    client.set_zero_linger().unwrap();
    drop(client);
    pair.wait_for(|now| now.streams == 0).await;
    // Another is served as ever.
    let mut client = pair.says(&named("localhost", shouting().await.port())).await;
    assert_eq!(reads(&mut client, 12).await, [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS[..]].concat());
}

/// A stream that stands for a client of the other end's proxy port. It is made of a link's own: the other half is carried to nobody, so
/// what the port says is read where the link would write.
#[tokio::test]
async fn a_client_of_the_other_ends_proxy_port_is_served_over_its_stream() {
    let target = shouting().await;
    let (pair, listener) = (Pair::start().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let at = listener.local_addr().unwrap();
    // A stream through the link to this listener: its far end is the client.
    let destination = at.to_string().parse().unwrap();
    let opening = pair.entry.link().unwrap().open(&destination);
    let (stream, accepted) = tokio::join!(opening, listener.accept());
    let (stream, (mut client, _)) = (stream.unwrap(), accepted.unwrap());
    let dial = |to: proto::destination::Destination| async move {
        let to = to.to_string();
        if to.starts_with("127.0.0.2:") {
            Err(ResetCode::Forbidden)
        } else {
            TcpStream::connect(to).await.map_err(|_| ResetCode::Refused)
        }
    };
    let serving = tokio::spawn(super::opener::serve_asked_for(stream, dial));
    client.write_all(&[&socks5(1, &[127, 0, 0, 1], target.port())[..], b"hola"].concat()).await.unwrap();
    assert_eq!(reads(&mut client, 16).await, [&SOCKS5_METHOD[..], &SOCKS5_SUCCESS, b"HOLA"].concat());
    client.shutdown().await.unwrap();
    assert_eq!(reads_to_end(&mut client).await, b"");
    assert_eq!(serving.await.unwrap(), super::Outcome::Done);
}
