//! What measurements share: two links that are up with nothing between them, a session's two halves, and the scheduler
//! seen from outside.

mod turns;

pub use turns::Turns;

use super::link::{Link, Settings};
use super::transport;
use crate::MAX_UDP_PAYLOAD;
use crate::sealed::crypto::cipher::{Cipher, CipherSupport, SessionKeys};
use crate::sealed::handshake::terms::{Instance, LinkId, UnixMicros};
use crate::sealed::wire::frame::StreamId;
use crate::sim::{LinkEnd, Network, Pair, Path, START, Server, Setup, unix};
use crate::time::Time;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

/// The wall clock of measurements: 2026-01-01.
pub const UNIX: UnixMicros = unix(Time::ZERO);

/// How long a datagram is on its way in [`Ends::transfer`]; loopback takes about as long.
const DELAY: Duration = Duration::from_micros(50);

/// The two halves of a session, with keys that everybody knows.
pub fn sessions() -> [SessionKeys; 2] {
    let (ours, theirs) = (&[1; 32], &[2; 32]);
    [
        SessionKeys::new(Cipher::Aes128Gcm, ours, theirs, 1, 2),
        SessionKeys::new(Cipher::Aes128Gcm, theirs, ours, 2, 1),
    ]
}

/// A client's link and the server's, both up. The simulation makes them; then there is nothing between them, so that what is
/// measured is theirs: a simulated network would be a fifth of it.
#[derive(Debug)]
pub struct Ends {
    now: Time,
    client: Link,
    server: Link,
    addresses: [SocketAddr; 2],
    room: Vec<u8>,
}

impl Ends {
    /// Makes both, known to each other by `addresses`, the client's first. `aes`: whether the processor has
    /// instructions for it.
    ///
    /// # Panics
    /// If the handshake fails, which it does not where nothing is lost.
    pub fn new(addresses: [SocketAddr; 2], settings: Settings, aes: bool) -> Self {
        let mut network = Network::new(0, Path { delay: DELAY, mtu: MAX_UDP_PAYLOAD, ..Path::default() });
        [network.client, network.server] = addresses;
        let setup = Setup { ciphers: CipherSupport { aes }, ..Setup::new(3, settings) };
        let client = setup.client(START, addresses[1], LinkId(1), Instance(1));
        let mut pair = Pair::new(network, LinkEnd::new(client, ()), Server::new(setup, ()));
        let up = |pair: &Pair<_, Server<()>>| pair.server.links.values().any(Link::is_up);
        assert!(pair.run_until(Duration::from_secs(1), up), "the handshake");
        let (_, server) = pair.server.links.pop_first().expect("a link that is up");
        Self { now: pair.now, client: pair.client.link, server, addresses, room: vec![0; MAX_UDP_PAYLOAD] }
    }

    /// What time it is for both, and the links, the client's first.
    pub fn into_links(self) -> (Time, [Link; 2]) {
        (self.now, [self.client, self.server])
    }

    /// Both on this machine, with the defaults but for the datagrams' size.
    /// `datagram`: the largest UDP payload, in bytes.
    pub fn on_loopback(datagram: u16) -> Self {
        let transport = transport::Settings { max_datagram: datagram, ..transport::Settings::default() };
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self::new([address(1), address(2)], Settings { transport, ..Settings::default() }, true)
    }

    /// Opens a stream at the client that the server accepts.
    ///
    /// # Panics
    /// If the link has as many as it may.
    pub fn open(&mut self) -> StreamId {
        let id = self.client.streams().open(b"target:1").expect("there is room for a stream");
        self.round();
        self.server.streams().accept(id);
        self.round();
        id
    }

    /// Carries `length` bytes from the client to the server and says how many packets the client sent for them.
    pub fn transfer(&mut self, id: StreamId, length: usize) -> u64 {
        static PIECE: [u8; 64 << 10] = [7; 64 << 10];
        let (before, mut written, mut read) = (self.client.streams().next_packet(), 0, 0);
        while read < length {
            let streams = self.client.streams();
            let piece = streams.poll_room(self.now, id).min(PIECE.len()).min(length - written);
            if piece > 0 {
                streams.write(self.now, id, &PIECE[..piece]);
                written += piece;
            }
            self.round();
            read += take_all(self.now, &mut self.server, id);
        }
        self.client.streams().next_packet() - before
    }

    /// Everything that is due at the client, then at the server; time passes in between.
    fn round(&mut self) {
        let [client, server] = self.addresses;
        carry(self.now, &mut self.client, &mut self.server, client, &mut self.room);
        self.now += DELAY;
        carry(self.now, &mut self.server, &mut self.client, server, &mut self.room);
        self.now += DELAY;
    }
}

/// Brings what `from` has to send to `to`.
fn carry(now: Time, from: &mut Link, to: &mut Link, address: SocketAddr, room: &mut [u8]) {
    from.handle_timeout(now);
    while let Some(transmit) = from.poll_transmit(now, UNIX, room) {
        for datagram in room[..transmit.length].chunks_mut(transmit.segment) {
            to.handle_datagram(now, address, datagram);
        }
    }
    while to.poll_event().is_some() {}
}

fn take_all(now: Time, link: &mut Link, id: StreamId) -> usize {
    let taken =
        link.streams().read_with(now, id, |slices| Ok::<_, Infallible>(slices.map(<[u8]>::len).sum()));
    match taken {
        Ok(taken) => taken,
    }
}
