//! What is between a client and its server: a path each way, address translators, blocks, and people who listen.

use super::attacker::{Forger, Observer, STRANGER};
use super::direction::{Direction, Envelope};
use super::nat::Nat;
use super::path::Path;
use crate::sealed::link::{FourTuple, SocketId};
use crate::sealed::wire::ecn::Ecn;
use crate::time::Time;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// How much higher the port of each further socket of the client is.
const SOCKET_STEP: u16 = 1_000;

/// Where the client of a new network is: 192.0.2.1, port 5000 (an address for documentation, RFC 5737).
pub(super) const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5_000);

/// Where its server is: 192.0.2.2, port 4000.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 4_000);

/// Both directions, and what else is on the way.
#[derive(Debug)]
pub struct Network {
    /// The address and port that the client's first socket has on the way. Change it, and the client has moved.
    pub client: SocketAddr,
    /// The server's. The server gets what the client sends, whatever address it sends it to.
    pub server: SocketAddr,
    /// Towards the server, and back.
    pub ways: [Direction; 2],
    /// What translates the client's address, if something does.
    pub nat: Option<Nat>,
    /// Nothing of the client's leaves over these.
    pub blocked: Vec<FourTuple>,
    /// Somebody who copies.
    pub observer: Option<Observer>,
    /// Somebody who sends his own.
    pub forger: Option<Forger>,
    /// Datagrams that were sent to [`STRANGER`].
    pub to_stranger: u64,
}

impl Network {
    /// Both ways alike, between 192.0.2.1, port 5000, and 192.0.2.2, port 4000.
    pub fn new(seed: u64, path: Path) -> Self {
        Self {
            client: CLIENT,
            server: SERVER,
            ways: [Direction::new(seed, path.clone()), Direction::new(seed ^ 0x5eed, path)],
            nat: None,
            blocked: Vec::new(),
            observer: None,
            forger: None,
            to_stranger: 0,
        }
    }

    /// Changes both ways alike.
    pub fn change(&mut self, change: impl Fn(&mut Path)) {
        self.ways.iter_mut().for_each(|way| change(&mut way.path));
    }

    /// The client sends a datagram.
    pub fn send_from_client(&mut self, now: Time, over: FourTuple, ecn: Ecn, datagram: &[u8]) {
        if self.blocked.contains(&over) {
            return;
        }
        let from = self.translated(now, over.socket);
        if !self.ways[0].send(now, Envelope { from, to: over.remote, ecn }, datagram) {
            return;
        }
        if let Some(observer) = self.observer.as_mut().filter(|observer| now >= observer.next) {
            observer.next = now + observer.every;
            let with = Envelope { from: STRANGER, to: over.remote, ecn };
            self.ways[0].in_flight.push(now + observer.delay, (with, datagram.to_vec()));
        }
        self.forge(now, 0, Envelope { from, to: over.remote, ecn }, datagram);
    }

    /// The server sends a datagram.
    pub fn send_from_server(&mut self, now: Time, over: FourTuple, ecn: Ecn, datagram: &[u8]) {
        let with = Envelope { from: self.server, to: over.remote, ecn };
        if self.ways[1].send(now, with, datagram) {
            self.to_stranger += u64::from(over.remote == STRANGER);
            self.forge(now, 1, with, datagram);
        }
    }

    /// The next that has arrived at the server.
    pub fn arrive_at_server(&mut self, now: Time) -> Option<(Envelope, Vec<u8>)> {
        self.ways[0].arrive(now)
    }

    /// The next that has arrived at the client.
    pub fn arrive_at_client(&mut self, now: Time) -> Option<(Envelope, Vec<u8>)> {
        let forgotten = self.nat.is_some_and(|nat| nat.has_forgotten(now));
        let (ip, ports) = (self.client.ip(), [0, 1].map(|socket| self.port(SocketId(socket))));
        self.ways[1]
            .arrive_if(now, |with| !forgotten && with.to.ip() == ip && ports.contains(&with.to.port()))
    }

    /// When the next arrives anywhere.
    pub fn next(&self) -> Time {
        self.ways[0].next().min(self.ways[1].next())
    }

    /// The address that a packet of the client's has when it leaves.
    fn translated(&mut self, now: Time, socket: SocketId) -> SocketAddr {
        if let Some(nat) = &mut self.nat {
            if nat.has_forgotten(now) {
                self.client.set_port(self.client.port() + 1);
            }
            nat.refreshed = now;
        }
        SocketAddr::new(self.client.ip(), self.port(socket))
    }

    /// The port of one of the client's sockets.
    const fn port(&self, SocketId(socket): SocketId) -> u16 {
        self.client.port().wrapping_add(SOCKET_STEP.wrapping_mul(socket as u16))
    }

    /// Some of what is forged seems to come from the one whose datagram this is, some from the stranger; to the client only the
    /// former, as it expects nobody else.
    fn forge(&mut self, now: Time, way: usize, with: Envelope, datagram: &[u8]) {
        let Some(forger) = &mut self.forger else { return };
        for _ in 0..forger.each {
            let forged = forger.forge(datagram);
            let shown = forger.shows_himself();
            if shown && way == 1 {
                continue;
            }
            let from = if shown { STRANGER } else { with.from };
            self.ways[way].inject(now, Envelope { from, ..with }, forged);
            forger.forged += 1;
        }
        if forger.each > 0 {
            forger.remember(datagram);
        }
    }
}
