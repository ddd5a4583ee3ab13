//! What measurements share: two links that are up with nothing between them, a session's two halves, and the scheduler
//! seen from outside.

mod turns;

pub use turns::Turns;

use super::link::{Link, Settings};
use super::transport;
use crate::sealed::crypto::cipher::{Cipher, CipherSupport, SessionKeys};
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::initiator::{Identity, Initiator};
use crate::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder, Verdict};
use crate::sealed::handshake::terms::{Epoch, Incarnation, Instance, LinkId, UnixMicros};
use crate::sealed::wire::frame::StreamId;
use crate::ticket::Ticket;
use crate::time::Time;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

/// The wall clock of measurements: 2026-01-01.
pub const UNIX: UnixMicros = UnixMicros(1_767_225_600_000_000);

/// How long a datagram is on its way in [`Ends::transfer`]; loopback takes about as long.
const DELAY: Duration = Duration::from_micros(50);

/// Bytes of a batch of datagrams: what one send may carry.
const BATCH: usize = 65_507;

/// The two halves of a session, with keys that everybody knows.
pub fn sessions() -> [SessionKeys; 2] {
    let (ours, theirs) = (&[1; 32], &[2; 32]);
    [
        SessionKeys::new(Cipher::Aes128Gcm, ours, theirs, 1, 2),
        SessionKeys::new(Cipher::Aes128Gcm, theirs, ours, 2, 1),
    ]
}

/// A client's link and the server's, both up.
#[derive(Debug)]
pub struct Ends {
    /// What time it is for both.
    pub now: Time,
    /// The client.
    pub client: Link,
    /// The server.
    pub server: Link,
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
        let now = Time::ZERO + Duration::from_secs(1);
        let mut random = Random::from_seed([3; 32]);
        let key = PrivateKey::generate(&mut random);
        let ticket = Ticket::generate(key.public(), false, &mut random);
        let (limits, ciphers) = (Link::limits(&settings), CipherSupport { aes });
        let mut responder = Responder::new(now, key, responder_settings(ciphers), Random::from_seed([4; 32]));
        responder.allow(ticket.client(), None);
        let identity = Identity { link: LinkId(1), instance: Instance(1), ciphers, limits };
        let mut client = Link::client(now, addresses[1], Initiator::new(ticket, identity), settings, random);

        let mut room = vec![0; BATCH];
        let initiation = client.poll_transmit(now, UNIX, &mut room).expect("a client asks at once");
        let Verdict::Request(request) = responder.handle(now, UNIX, addresses[0], &room[..initiation.length])
        else {
            panic!("the ticket is good");
        };
        let client_limits = request.limits();
        let (mut response, session) = request.accept(9, Incarnation(0), limits);
        let random = Random::from_seed([5; 32]);
        let server = Link::server(now, addresses[0], session, client_limits, settings, random);
        client.handle_datagram(now, addresses[1], &mut response);
        let mut ends = Self { now, client, server, addresses, room };
        while !ends.server.is_up() {
            ends.round();
        }
        ends
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
            let room = self.client.streams().room(id);
            let piece = room.min(PIECE.len()).min(length - written);
            if piece > 0 {
                self.client.streams().write(self.now, id, &PIECE[..piece]);
                written += piece;
            }
            self.round();
            read += take_all(self.now, &mut self.server, id);
        }
        self.client.streams().next_packet() - before
    }

    /// Everything that is due at the client, at the server, and once more at the client; time passes in between.
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

const fn responder_settings(ciphers: CipherSupport) -> responder::Settings {
    responder::Settings {
        epoch: Epoch(1),
        ciphers,
        clock_tolerance: CLOCK_TOLERANCE,
        handshakes_per_second: 100,
    }
}
