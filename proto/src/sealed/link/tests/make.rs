//! Clients and hubs that know each other.

use crate::sealed::crypto::cipher::CipherSupport;
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::crypto::random::Random;
use crate::sealed::endpoint::Endpoint;
use crate::sealed::handshake::initiator::{Identity, Initiator};
use crate::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder};
use crate::sealed::handshake::terms::{Epoch, Instance, Limits, LinkId};
use crate::sealed::link::{Link, Settings};
use crate::ticket::Ticket;
use crate::time::Time;
use std::net::SocketAddr;

/// Randomness for a purpose.
pub(super) fn random(seed: u8, use_of: u8) -> Random {
    Random::from_seed([seed.wrapping_mul(31).wrapping_add(use_of); 32])
}

/// A client with `(link, instance)` for its name.
pub(super) fn initiator(ticket: &Ticket, settings: Settings, name: (u64, u64)) -> Initiator {
    let identity = Identity {
        link: LinkId(name.0),
        instance: Instance(name.1),
        ciphers: CipherSupport { aes: true },
        limits: Link::limits(&settings),
    };
    Initiator::new(ticket.to_text().parse().unwrap(), identity)
}

pub(super) fn new_client(
    now: Time,
    ticket: &Ticket,
    peer: SocketAddr,
    settings: Settings,
    seed: u8,
    name: (u64, u64),
) -> Link {
    Link::client(now, peer, initiator(ticket, settings, name), settings, random(seed, 20))
}

pub(super) fn new_endpoint(
    now: Time,
    key: &PrivateKey,
    ticket: &Ticket,
    places: usize,
    limits: Limits,
    seed: u8,
    epoch: u64,
) -> Endpoint {
    let settings = responder::Settings {
        epoch: Epoch(epoch),
        ciphers: CipherSupport { aes: true },
        clock_tolerance: CLOCK_TOLERANCE,
        handshakes_per_second: 100,
    };
    let responder = Responder::new(now, key.clone(), settings, random(seed, 30));
    let mut endpoint = Endpoint::new(responder, limits, places, random(seed, 31));
    endpoint.allow(ticket.client(), None);
    endpoint
}
