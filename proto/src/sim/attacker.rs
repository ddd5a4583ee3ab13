//! An attacker on the path, who copies datagrams on a faster way or sends datagrams of his own.

use super::dice::Dice;
use crate::sealed::wire::packet::{HEADER_LEN, Kind};
use crate::time::Time;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where somebody on the way sends from: 203.0.113.7, port 7 (an address for documentation, RFC 5737).
pub const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 7);

/// Somebody who sees what the client sends and has a faster way to the server, and copies packets (RFC 9000 section 9.3.3).
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// How often he copies one.
    pub every: Duration,
    /// What his way takes.
    pub delay: Duration,
    /// When he copies the next.
    pub next: Time,
}

/// Somebody who sends datagrams of his own, made of those that he has seen.
#[derive(Clone, Debug)]
pub struct Forger {
    /// How many for each that passes.
    pub each: usize,
    /// How many he has sent.
    pub forged: u64,
    dice: Dice,
    overheard: Vec<Vec<u8>>,
}

/// Datagrams that a [`Forger`] remembers.
const REMEMBERED: usize = 64;

impl Forger {
    /// He sends so many for each that passes.
    pub const fn new(seed: u64, each: usize) -> Self {
        Self { each, forged: 0, dice: Dice::new(seed), overheard: Vec::new() }
    }

    /// What he makes of `datagram`, which passes now.
    pub(super) fn forge(&mut self, datagram: &[u8]) -> Vec<u8> {
        forgery(&mut self.dice, datagram, &self.overheard)
    }

    /// Whether he sends the next under an address of his own.
    pub(super) fn shows_himself(&mut self) -> bool {
        self.dice.below(2) == 1
    }

    pub(super) fn remember(&mut self, datagram: &[u8]) {
        self.overheard.resize(REMEMBERED, Vec::new());
        let at = self.dice.below(REMEMBERED);
        if let Some(place) = self.overheard.get_mut(at) {
            *place = datagram.to_vec();
        }
    }
}

/// What somebody on the way makes of `datagram`, having seen `others` before: changed, cut, repeated, reflected, spliced or invented.
pub fn forgery(dice: &mut Dice, datagram: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut forged = datagram.to_vec();
    let other = others.get(dice.below(others.len())).cloned().unwrap_or_default();
    match dice.below(6) {
        0 => dice.flip_bit(&mut forged),
        1 => forged.truncate(dice.below(datagram.len())),
        // Repeated, or reflected where it went the other way.
        2 => forged = other,
        // Under the name of this link and with a counter that has not been seen.
        3 if Kind::of(&other) == Some(Kind::Data) && forged.len() > HEADER_LEN => {
            forged.truncate(HEADER_LEN);
            forged[HEADER_LEN - 1] ^= 0x40;
            forged.extend_from_slice(other.get(HEADER_LEN..).unwrap_or_default());
        }
        4 => forged.iter_mut().skip(HEADER_LEN).for_each(|byte| *byte ^= 0x55),
        _ => {
            let length = dice.below(1_500);
            forged = (0..length).map(|_| dice.bits().to_be_bytes()[4]).collect();
        }
    }
    forged
}
