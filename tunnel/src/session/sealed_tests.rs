//! Sealed pairs in one process.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(target_os = "linux")]
use tokio::net::UdpSocket;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::address::Listen;
use crate::settings::{
    Allow, ClientSettings, Destination, Forward, ListenOn, ServerSettings, Ticket, TicketSource,
};
use crate::state::MemoryState;

/// A proxy2 without files, and a ticket of it.
struct State {
    memory: MemoryState,
    ticket: Ticket,
}

impl State {
    fn new() -> Self {
        let memory = MemoryState::new();
        let ticket = memory.add_ticket("one".parse().unwrap()).unwrap();
        Self { memory, ticket }
    }

    fn revoke(&self) {
        self.memory.revoke_ticket(&"one".parse().unwrap()).unwrap();
    }

    /// proxy1 and proxy2, which dials `target`; both run until the test ends.
    async fn pair(&self, target: SocketAddr) -> Pair {
        let exit = Session::bind(self.exit(Listen::loopback(0), target)).await.unwrap();
        let entry = Session::bind(self.entry(exit.udp_addresses()[0])).await.unwrap();
        let address = entry.listening()[0].tcp().unwrap();
        let (entry_counters, exit_counters) = (entry.counters(), exit.counters());
        Pair { address, entry: entry_counters, exit: exit_counters, running: [entry.run(), exit.run()] }
    }

    fn exit(&self, listen: Listen, target: SocketAddr) -> ServerSettings {
        ServerSettings::new(listen, (&self.memory).into(), Allow::only(target.into()))
    }

    fn entry(&self, peer: SocketAddr) -> ClientSettings {
        let ticket = TicketSource::Given(self.ticket.clone());
        ClientSettings::new(ticket, vec![peer.into()]).forward(Forward::plain(Listen::loopback(0)))
    }
}

struct Pair {
    address: SocketAddr,
    entry: watch::Receiver<Counters>,
    exit: watch::Receiver<Counters>,
    running: [Handle; 2],
}

impl Pair {
    fn link(&self) -> &LinkHandle {
        self.running[0].link().unwrap()
    }
}

async fn reads_a_reset(client: &mut TcpStream) -> bool {
    let error = client.read(&mut [0; 16]).await.err();
    error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn an_answer_after_the_fin_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pair = State::new().pair(listener.local_addr().unwrap()).await;
    let target = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).await.unwrap();
        bytes.reverse();
        connection.write_all(&bytes).await.unwrap();
    });
    let mut client = TcpStream::connect(pair.address).await.unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    client.write_all(&bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    answer.reverse();
    assert!(answer == bytes, "{} of {} bytes came back, or others", answer.len(), bytes.len());
    target.await.unwrap();
    for counters in [&mut pair.entry, &mut pair.exit] {
        let over = |counters: &Counters| counters.streams == 0 && counters.streams_finished == 1;
        counters.wait_for(over).await.unwrap();
    }
}

#[tokio::test]
async fn a_target_that_refuses_is_a_reset() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut pair = State::new().pair(gone).await;
    let mut client = TcpStream::connect(pair.address).await.unwrap();
    assert!(reads_a_reset(&mut client).await);
    let refused = |counters: &Counters| counters.targets_refused == 1 && counters.streams == 0;
    pair.entry.wait_for(refused).await.unwrap();
    pair.exit.wait_for(refused).await.unwrap();
}

#[tokio::test]
async fn a_revoked_ticket_ends_its_links_and_opens_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let state = State::new();
    let mut pair = state.pair(listener.local_addr().unwrap()).await;
    let mut client = TcpStream::connect(pair.address).await.unwrap();
    let (_connection, _) = listener.accept().await.unwrap();
    state.revoke();
    assert!(reads_a_reset(&mut client).await);
    let gone = |counters: &Counters| counters.links_up == 0 && counters.streams == 0;
    pair.exit.wait_for(gone).await.unwrap();
    let refused = |counters: &Counters| counters.handshakes_refused >= 1;
    pair.entry.wait_for(refused).await.unwrap();
}

/// Carries datagrams between a proxy1, whoever sends first, and `exit`; a firewall with a state: it takes answers only from
/// where it sent to. With each packet of proxy1 it sends, from elsewhere and to `other`, what has the index of that packet.
#[cfg(target_os = "linux")]
async fn relay_and_forge(relay: UdpSocket, exit: SocketAddr, other: SocketAddr) -> io::Result<()> {
    let (inner, forger) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    inner.connect(exit).await?;
    let (mut from_entry, mut from_exit, mut entry) = ([0; 65_535], [0; 65_535], None);
    loop {
        tokio::select! {
            Ok((length, from)) = relay.recv_from(&mut from_entry) => {
                entry = Some(from);
                let _ = inner.send(&from_entry[..length]).await;
                if from_entry[0] == 4 {
                    from_entry[5..length].fill(7);
                    forger.send_to(&from_entry[..length], other).await?;
                }
            }
            Ok(length) = inner.recv(&mut from_exit) => {
                if let Some(entry) = entry {
                    relay.send_to(&from_exit[..length], entry).await?;
                }
            }
        }
    }
}

// Elsewhere 127.0.0.2 is not an address of every machine.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_forged_packet_to_another_address_of_proxy2_does_not_stop_a_download() {
    const LENGTH: usize = 4_000_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let state = State::new();
    let exit = state.exit("0.0.0.0:0".parse().unwrap(), listener.local_addr().unwrap());
    let exit = Session::bind(exit).await.unwrap();
    let port = exit.udp_addresses()[0].port();
    let relay = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = relay.local_addr().unwrap();
    tokio::spawn(relay_and_forge(relay, ([127, 0, 0, 1], port).into(), ([127, 0, 0, 2], port).into()));
    let entry = Session::bind(state.entry(peer)).await.unwrap();
    let (address, mut counters) = (entry.listening()[0].tcp().unwrap(), exit.counters());
    let _running = (entry.run(), exit.run());
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.accept().await.unwrap();
    tokio::spawn(async move { connection.write_all(&vec![5; LENGTH]).await });
    let mut bytes = vec![0; LENGTH];
    client.read_exact(&mut bytes).await.unwrap();
    counters.wait_for(|counters| counters.datagrams_forged > 0).await.unwrap();
    assert_eq!(counters.borrow().address_changes, 0);
}

/// Echoes what each of its connections sends, until its end.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = connection.split();
                // FIN where the client's FIN was read; else the connection's drop says enough.
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let _ = to.shutdown().await;
            });
        }
    });
    address
}

async fn echoes(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, length: usize) {
    let bytes: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[1]).collect();
    let (mut from, mut to) = tokio::io::split(&mut stream);
    let send = async {
        to.write_all(&bytes).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut back = Vec::new();
    let (_, read) = tokio::join!(send, from.read_to_end(&mut back));
    read.unwrap();
    assert!(back == bytes, "{} of {length} bytes came back, or others", back.len());
}

#[tokio::test]
async fn this_process_opens_streams_by_itself() {
    let target = echo().await;
    let mut pair = State::new().pair(target).await;
    // The link takes far more than a pipe holds.
    let streams = [
        pair.link().open(&Destination::Own).await.unwrap(),
        pair.link().open(&Destination::Own).await.unwrap(),
    ];
    for (stream, length) in streams.into_iter().zip([3_000_000, 5]) {
        echoes(stream, length).await;
    }
    let closed = |counters: &Counters| counters.streams_finished == 2 && counters.streams == 0;
    pair.entry.wait_for(closed).await.unwrap();
    pair.exit.wait_for(closed).await.unwrap();
    // By name: proxy2's own target, and none of the others.
    let named = target.to_string().parse().unwrap();
    echoes(pair.link().open(&named).await.unwrap(), 5).await;
    let error = pair.link().open(&"192.0.2.1:9".parse().unwrap()).await.unwrap_err();
    assert_eq!(error, NotOpened::Reset(ResetCode::Forbidden));
}

#[tokio::test]
async fn a_stream_of_this_process_is_reset_both_ways() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pair = State::new().pair(listener.local_addr().unwrap()).await;
    let opened = async { tokio::join!(pair.link().open(&Destination::Own), listener.accept()) };
    let (stream, connection) = opened.await;
    drop(stream.unwrap());
    assert!(reads_a_reset(&mut connection.unwrap().0).await, "what is dropped is no end in order");
    let (stream, connection) = tokio::join!(pair.link().open(&Destination::Own), listener.accept());
    let (connection, _) = connection.unwrap();
    connection.set_zero_linger().unwrap();
    drop(connection);
    let error = stream.unwrap().read(&mut [0]).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Reset));
    drop(listener);
    assert_eq!(pair.link().open(&Destination::Own).await.unwrap_err(), NotOpened::Reset(ResetCode::Refused));
}

#[tokio::test]
async fn forwards_come_and_go_while_the_link_runs() {
    let target = echo().await;
    let pair = State::new().pair(target).await;
    let forward = Forward::to(Listen::loopback(0), target.to_string().parse::<Destination>().unwrap());
    let bound = pair.link().add(&forward).await.unwrap();
    let address = bound.tcp().unwrap();
    let mut stays = TcpStream::connect(address).await.unwrap();
    stays.write_all(b"x").await.unwrap();
    stays.read_exact(&mut [0]).await.unwrap();
    let taken = pair.link().add(&Forward::plain(address.into())).await.unwrap_err().to_string();
    assert!(taken.contains("in use"), "{taken}");
    assert!(pair.link().remove(&bound).await.unwrap());
    assert!(!pair.link().remove(&bound).await.unwrap(), "it is gone");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens there any more");
    echoes(stays, 3).await;
    let [entry, _exit] = pair.running;
    let link = entry.link().unwrap().clone();
    entry.close().await.unwrap();
    assert!(matches!(link.open(&Destination::Own).await, Err(NotOpened::Closed(_))));
    assert!(matches!(link.add(&forward).await, Err(AddError::Closed(_))));
}

#[tokio::test]
async fn a_link_says_how_it_is() {
    let state = State::new();
    let pair = state.pair(echo().await).await;
    let mut status = pair.link().status();
    let peer = pair.running[1].udp_addresses()[0];
    status.wait_for(|status| *status == LinkStatus::Up { peer }).await.unwrap();
    state.revoke();
    let refused =
        status.wait_for(|status| matches!(status, LinkStatus::Refused(_))).await.unwrap().to_string();
    assert!(refused.contains("revoked"), "{refused}");
    let refused = pair.link().open(&Destination::Own).await.unwrap_err();
    assert_eq!(refused, NotOpened::Reset(ResetCode::Forbidden));
}

#[cfg(unix)]
#[tokio::test]
async fn clients_of_a_unix_socket_are_carried_too() {
    use std::os::unix::fs::PermissionsExt;

    use tokio::net::UnixStream;

    let folder = std::env::temp_dir().join(format!("paso-unix-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("forward.sock");
    let pair = State::new().pair(echo().await).await;
    let forward = Forward::to(ListenOn::Unix(path.clone()), Destination::Own);
    let bound = pair.link().add(&forward).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    echoes(UnixStream::connect(&path).await.unwrap(), 1_000_000).await;
    let taken = pair.link().add(&forward).await.unwrap_err().to_string();
    assert!(taken.contains("listens there") && taken.contains("forward.sock"), "{taken}");
    // A socket that nobody listens on any more gives way, anything else does not.
    pair.link().remove(&bound).await.unwrap();
    pair.link().add(&forward).await.unwrap();
    echoes(UnixStream::connect(&path).await.unwrap(), 3).await;
    // Of many that start at once one listens, and is the one that clients reach.
    let contested = folder.join("contested.sock");
    let forward = Forward::to(ListenOn::Unix(contested.clone()), Destination::Own);
    let mut starts = JoinSet::new();
    for _ in 0..8 {
        let (link, forward) = (pair.link().clone(), forward.clone());
        starts.spawn(async move { link.add(&forward).await.is_ok() });
    }
    let listening = starts.join_all().await.into_iter().filter(|listens| *listens).count();
    assert_eq!(listening, 1);
    echoes(UnixStream::connect(&contested).await.unwrap(), 3).await;
    let file = folder.join("file");
    std::fs::write(&file, "precious").unwrap();
    let other = Forward::to(ListenOn::Unix(file.clone()), Destination::Own);
    pair.link().add(&other).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    std::fs::remove_dir_all(&folder).unwrap();
}
