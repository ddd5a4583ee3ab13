//! Who may have public-key work done.
//!
//! Three limits, one inside the other: what all together may cost ([`WorkBudget`]), what comes from one address and
//! network ([`SourceLimiter`]), and what one ticket may have accepted. The first says when there are many handshakes,
//! and the other two then whose have to wait.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::Time;
use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::handshake::link_addresses::{AddressOrigin, LinkAddresses};
use crate::sealed::handshake::per_source::{SourceLimiter, Term};
use crate::sealed::handshake::rate_limit::RateLimit;
use crate::sealed::handshake::terms::LinkId;
use crate::sealed::handshake::work_budget::{Load, Work, WorkBudget};
use crate::token_bucket::TokenBucket;

/// Implementation: the part of all handshakes, as its divisor, that the links of one ticket may have accepted: 31 a second
/// of 500. Each makes or renews a link, which costs more than the handshake.
const TICKET_PART: u32 = 16;
/// Implementation: the part that tickets together may have accepted beyond theirs, of what nobody else asks for: links cost processor time that
/// is not in the budget.
const BEYOND_PART: u32 = 4;
/// Implementation: the part that is kept for the links of one ticket while others take all the rest.
const LINKS_PART: u32 = 64;
/// Implementation: seconds of these rates that may be had at once: 125 proxy1s with one ticket come back together.
const BURST_SECONDS: u32 = 4;
/// Implementation: and no fewer than this, however few handshakes are allowed: one proxy1 that starts where responses are lost asks 37
/// times, and leaves something to another with the same ticket.
const TICKET_BURST: u32 = 40;

/// All limits together.
pub(crate) struct HandshakeLimiter {
    budget: WorkBudget,
    sources: SourceLimiter,
    links: LinkAddresses,
    /// Of clients with a ticket only, so there are no more than tickets.
    tickets: BTreeMap<PublicKey, TicketTaken>,
    accepted: RateLimit,
    beyond: RateLimit,
    taken_beyond: TokenBucket,
    linked: RateLimit,
}

/// What one ticket had lately.
#[derive(Clone, Copy, Default)]
struct TicketTaken {
    accepted: TokenBucket,
    /// Because a link of it is at the address: it may have been a neighbour's initiation.
    near: TokenBucket,
    /// Because a link of it is at the very port.
    rekeys: TokenBucket,
}

/// Why a proven address may have a handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It and its networks are within their shares.
    Source,
    /// The same, and a link of this client is at the address.
    Near(PublicKey),
    /// A link of this client is at the port, whatever its neighbours behind a NAT do.
    Rekey(PublicKey),
}

impl HandshakeLimiter {
    /// Limits whose sum is `rate` handshakes a second.
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            budget: WorkBudget::new(rate),
            sources: SourceLimiter::new(rate),
            links: LinkAddresses::default(),
            tickets: BTreeMap::new(),
            accepted: RateLimit::part(rate, TICKET_PART, BURST_SECONDS).or_burst(TICKET_BURST),
            beyond: RateLimit::part(rate, BEYOND_PART, BURST_SECONDS),
            taken_beyond: TokenBucket::default(),
            linked: RateLimit::part(rate, LINKS_PART, BURST_SECONDS),
        }
    }

    /// How much of the work that is allowed was done lately.
    pub(crate) fn load(&self, now: Time) -> Load {
        self.budget.load(now)
    }

    /// Work was done.
    pub(crate) fn spend(&mut self, now: Time, work: Work) {
        self.budget.take(now, work);
    }

    /// Takes one handshake for the address `from`, which is proven; false if it must wait.
    pub(crate) fn take(&mut self, now: Time, from: SocketAddr) -> bool {
        let Some(claim) = self.claim(now, from) else { return false };
        let linked = self.linked;
        match claim {
            Claim::Source => self.sources.take(now, from),
            Claim::Near(client) => {
                self.sources.take(now, from);
                linked.drain(now, &mut self.tickets.entry(client).or_default().near);
            }
            Claim::Rekey(client) => {
                self.sources.take_port(now, from);
                linked.drain(now, &mut self.tickets.entry(client).or_default().rekeys);
            }
        }
        true
    }

    /// Whether a link of the client may be made or get new keys; counted if so. Beyond its part a ticket has some of what nobody else asks for.
    pub(crate) fn accept(&mut self, now: Time, client: PublicKey) -> bool {
        let is_within = self.accepted.take(now, &mut self.tickets.entry(client).or_default().accepted);
        is_within || (self.load(now) <= Load::Light && self.beyond.take(now, &mut self.taken_beyond))
    }

    /// An authentic packet of the link came from there.
    pub(crate) fn link_is_at(&mut self, client: PublicKey, link: LinkId, at: SocketAddr) {
        self.links.insert((client, link), at);
    }

    /// The link is over.
    pub(crate) fn link_is_over(&mut self, client: PublicKey, link: LinkId) {
        self.links.remove((client, link));
    }

    /// The client's ticket is gone.
    pub(crate) fn forget(&mut self, client: &PublicKey) {
        self.tickets.remove(client);
    }

    /// The first reason that counts with what is left.
    fn claim(&self, now: Time, from: SocketAddr) -> Option<Claim> {
        let load = self.load(now);
        let within = |term| self.sources.allows(now, from, term);
        let origin = self.links.of(from);
        let taken = |client| self.tickets.get(&client).copied().unwrap_or_default();
        let source = match load {
            Load::Idle | Load::Light | Load::Heavy => within(Term::Short),
            Load::Severe => within(Term::Long),
            Load::Reserved | Load::Full => false,
        };
        let near = |client| within(Term::Short) && self.linked.allows(now, taken(client).near);
        let rekey =
            |client| self.sources.allows_port(now, from) && self.linked.allows(now, taken(client).rekeys);
        match origin {
            _ if load == Load::Full => None,
            _ if source => Some(Claim::Source),
            AddressOrigin::Port(client) if rekey(client) => Some(Claim::Rekey(client)),
            AddressOrigin::Port(client) | AddressOrigin::Address(client) if near(client) => {
                Some(Claim::Near(client))
            }
            AddressOrigin::Port(_) | AddressOrigin::Address(_) | AddressOrigin::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ticket_has_its_part_and_a_quarter_of_what_nobody_asks_for() {
        let mut limiter = HandshakeLimiter::new(400);
        let [greedy, other] = [1, 2].map(|byte| PublicKey::from_bytes([byte; 32]));
        let mut accepted = |client| (0..2_000).filter(|_| limiter.accept(Time::ZERO, client)).count();
        assert_eq!(accepted(greedy), 4 * (400 / 16 + 400 / 4));
        assert_eq!(accepted(other), 4 * 400 / 16, "the other's part is its own");
    }
}
