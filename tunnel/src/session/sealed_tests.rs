//! Sealed pairs in one process.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(target_os = "linux")]
use tokio::net::UdpSocket;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::entropy;
use crate::metrics::Count;
use crate::settings::{PrivateKey, Ticket, TicketRecord, TicketSource};

/// A proxy2 without files.
struct State {
    ticket: Ticket,
    source: StateSource,
    tickets: watch::Sender<Vec<TicketRecord>>,
}

impl State {
    fn new() -> Self {
        let mut random = entropy::random();
        let key = PrivateKey::generate(&mut random);
        let ticket = Ticket::generate(key.public(), true, &mut random);
        let (sender, tickets) =
            watch::channel(vec![TicketRecord::new("one".parse().unwrap(), &ticket, None)]);
        Self { ticket, source: StateSource::Given { key, tickets }, tickets: sender }
    }

    /// proxy1 and proxy2, which dials `target`; both run until the test ends.
    async fn pair(&self, target: SocketAddr) -> Pair {
        let link = Link::Sealed(SealedExit::new(self.source.clone()));
        let exit = ExitSettings { listen: Listen::loopback(0), target: target.into(), link };
        let exit = Session::exit(exit).await.unwrap();
        let peer = exit.running().udp_addr.into();
        let ticket = TicketSource::Given(self.ticket.clone());
        let link = EntryLink::Sealed(SealedEntry::new(ticket, vec![peer]));
        let entry = Session::entry(EntrySettings { listen: Listen::loopback(0), link }).await.unwrap();
        let pair =
            Pair { address: entry.running().local_addr, entry: entry.counters(), exit: exit.counters() };
        tokio::spawn(entry.run(std::future::pending()));
        tokio::spawn(exit.run(std::future::pending()));
        pair
    }
}

struct Pair {
    address: SocketAddr,
    entry: watch::Receiver<Counters>,
    exit: watch::Receiver<Counters>,
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
        let over = |counters: &Counters| counters.streams == 0 && counters.sealed.get(Count::Closed) == 1;
        counters.wait_for(over).await.unwrap();
    }
}

#[tokio::test]
async fn a_target_that_refuses_is_a_reset() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut pair = State::new().pair(gone).await;
    let mut client = TcpStream::connect(pair.address).await.unwrap();
    assert!(reads_a_reset(&mut client).await);
    let refused = |counters: &Counters| counters.sealed.get(Count::Refused) == 1 && counters.streams == 0;
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
    state.tickets.send_modify(|records| {
        let revoked = records.drain(..).map(TicketRecord::revoked).collect();
        *records = revoked;
    });
    assert!(reads_a_reset(&mut client).await);
    let gone = |counters: &Counters| counters.sealed.get(Count::LinksUp) == 0 && counters.streams == 0;
    pair.exit.wait_for(gone).await.unwrap();
    let refused = |counters: &Counters| counters.sealed.get(Count::HandshakesRefused) >= 1;
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
    let link = Link::Sealed(SealedExit::new(state.source.clone()));
    let listen: Listen = "0.0.0.0:0".parse().unwrap();
    let target = listener.local_addr().unwrap().into();
    let exit = Session::exit(ExitSettings { listen, target, link }).await.unwrap();
    let port = exit.running().udp_addr.port();
    let relay = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = relay.local_addr().unwrap().into();
    tokio::spawn(relay_and_forge(relay, ([127, 0, 0, 1], port).into(), ([127, 0, 0, 2], port).into()));
    let ticket = TicketSource::Given(state.ticket.clone());
    let link = EntryLink::Sealed(SealedEntry::new(ticket, vec![peer]));
    let entry = Session::entry(EntrySettings { listen: Listen::loopback(0), link }).await.unwrap();
    let (address, mut counters) = (entry.running().local_addr, exit.counters());
    tokio::spawn(entry.run(std::future::pending()));
    tokio::spawn(exit.run(std::future::pending()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.accept().await.unwrap();
    tokio::spawn(async move { connection.write_all(&vec![5; LENGTH]).await });
    let mut bytes = vec![0; LENGTH];
    client.read_exact(&mut bytes).await.unwrap();
    counters.wait_for(|counters| counters.sealed.get(Count::DroppedForged) > 0).await.unwrap();
    assert_eq!(counters.borrow().sealed.get(Count::Moved), 0);
}
