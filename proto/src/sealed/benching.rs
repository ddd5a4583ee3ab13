//! What measurements share: two links that are up with nothing between them, a session's two halves, and the scheduler
//! seen from outside.

mod turns;

pub use turns::Turns;

use super::link::{Link, Settings};
use super::transport;
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

/// A client's link and the server's, both up, with nothing between them but a little time.
#[derive(Debug)]
pub struct Ends {
    pair: Pair<LinkEnd<()>, LinkEnd<()>>,
}

impl Ends {
    /// Makes both, known to each other by `addresses`, the client's first. `aes`: whether the processor has
    /// instructions for it.
    ///
    /// # Panics
    /// If the handshake fails, which it does not where nothing is lost.
    pub fn new(addresses: [SocketAddr; 2], settings: Settings, aes: bool) -> Self {
        let path = Path { delay: DELAY, mtu: crate::MAX_UDP_PAYLOAD, ..Path::default() };
        let mut network = Network::new(0, path);
        [network.client, network.server] = addresses;
        let setup = Setup { ciphers: CipherSupport { aes }, ..Setup::new(3, settings) };
        let client = setup.client(START, addresses[1], LinkId(1), Instance(1));
        let mut pair = Pair::new(network, LinkEnd::new(client, ()), Server::new(setup, ()));
        let up = |pair: &Pair<_, Server<()>>| pair.server.links.values().any(Link::is_up);
        assert!(pair.run_until(Duration::from_secs(1), up), "the handshake");
        let (_, server) = pair.server.links.pop_first().expect("a link that is up");
        let mut ends = Pair::new(pair.network, pair.client, LinkEnd::new(server, ()));
        ends.now = pair.now;
        Self { pair: ends }
    }

    /// What time it is for both, and the links, the client's first.
    pub fn into_links(self) -> (Time, [Link; 2]) {
        (self.pair.now, [self.pair.client.link, self.pair.server.link])
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
        let id = self.pair.client.link.streams().open(b"target:1").expect("there is room for a stream");
        self.round();
        self.pair.server.link.streams().accept(id);
        self.round();
        id
    }

    /// Carries `length` bytes from the client to the server and says how many packets the client sent for them.
    pub fn transfer(&mut self, id: StreamId, length: usize) -> u64 {
        static PIECE: [u8; 64 << 10] = [7; 64 << 10];
        let next_packet = |pair: &mut Pair<LinkEnd<()>, _>| pair.client.link.streams().next_packet();
        let (before, mut written, mut read) = (next_packet(&mut self.pair), 0, 0);
        while read < length {
            let streams = self.pair.client.link.streams();
            let piece = streams.room(id).min(PIECE.len()).min(length - written);
            if piece > 0 {
                streams.write(self.pair.now, id, &PIECE[..piece]);
                written += piece;
            }
            self.round();
            read += take_all(self.pair.now, &mut self.pair.server.link, id);
        }
        next_packet(&mut self.pair) - before
    }

    /// Everything that is due at both, twice, with the time between that a datagram takes.
    fn round(&mut self) {
        for _ in 0..2 {
            self.pair.round();
            self.pair.now += DELAY;
        }
    }
}

fn take_all(now: Time, link: &mut Link, id: StreamId) -> usize {
    let taken =
        link.streams().read_with(now, id, |slices| Ok::<_, Infallible>(slices.map(<[u8]>::len).sum()));
    match taken {
        Ok(taken) => taken,
    }
}
