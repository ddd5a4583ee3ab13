//! The keys and settings of a proxy1 and a proxy2 that know each other.

use super::clock::random;
use crate::sealed::crypto::cipher::CipherSupport;
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::endpoint::Endpoint;
use crate::sealed::handshake::initiator::{Identity, Initiator};
use crate::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder};
use crate::sealed::handshake::terms::{Epoch, Instance, LinkId};
use crate::sealed::link::{Link, Settings};
use crate::ticket::Ticket;
use crate::time::Time;
use std::net::SocketAddr;

/// What randomness is for; the numbers of links come behind.
const KEYS: u64 = 1;
const CLIENT: u64 = 2;
const RESPONDER: u64 = 3;
const ENDPOINT: u64 = 4;
const TICKETS: u64 = 5;
const LINKS: u64 = 1_000;

/// What makes clients and servers that know each other.
#[derive(Debug)]
pub struct Setup {
    /// Of the keys, and of all that the protocol draws at random.
    pub seed: u64,
    /// The server's key.
    pub key: PrivateKey,
    /// What lets the client in.
    pub ticket: Ticket,
    /// Of the links on both sides.
    pub settings: Settings,
    /// The ciphers of both machines.
    pub ciphers: CipherSupport,
    /// How many links the server has room for.
    pub places: usize,
    /// Whole handshakes that the server does a second.
    pub handshakes_per_second: u32,
}

impl Setup {
    /// With room for ten links, 100 handshakes a second, and AES.
    pub fn new(seed: u64, settings: Settings) -> Self {
        let mut random = random(seed, KEYS);
        let key = PrivateKey::generate(&mut random);
        let ticket = Ticket::generate(key.public(), false, &mut random);
        let ciphers = CipherSupport { aes: true };
        Self { seed, key, ticket, settings, ciphers, places: 10, handshakes_per_second: 100 }
    }

    /// Another ticket of the same server, which does not let it in yet. Each `number` is another one.
    pub fn another_ticket(&self, number: u64) -> Ticket {
        Ticket::generate(self.key.public(), false, &mut random(self.seed, TICKETS + LINKS * number))
    }

    /// What asks for a link of this name, for a process of this instance.
    pub fn initiator(&self, ticket: &Ticket, link: LinkId, instance: Instance) -> Initiator {
        let limits = Link::limits(&self.settings);
        let identity = Identity { link, instance, ciphers: self.ciphers, limits };
        Initiator::new(ticket.clone(), identity)
    }

    /// A client's end, which asks `peer`.
    pub fn client(&self, now: Time, peer: SocketAddr, link: LinkId, instance: Instance) -> Link {
        self.client_with(&self.ticket, now, peer, link, instance)
    }

    /// The same with another ticket.
    pub fn client_with(
        &self,
        ticket: &Ticket,
        now: Time,
        peer: SocketAddr,
        link: LinkId,
        instance: Instance,
    ) -> Link {
        let random = random(self.seed, CLIENT + LINKS * link.0);
        Link::client(now, peer, self.initiator(ticket, link, instance), self.settings, random)
    }

    /// A process of the server, which lets the ticket in.
    pub fn endpoint(&self, now: Time, epoch: Epoch) -> Endpoint {
        let settings = responder::Settings {
            epoch,
            ciphers: self.ciphers,
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: self.handshakes_per_second,
        };
        let random = |purpose| random(self.seed, purpose + LINKS * epoch.0);
        let responder = Responder::new(now, self.key.clone(), settings, random(RESPONDER));
        let limits = Link::limits(&self.settings);
        let mut endpoint = Endpoint::new(responder, limits, self.places, random(ENDPOINT));
        endpoint.allow(self.ticket.client(), self.ticket.preshared().cloned());
        endpoint
    }
}
