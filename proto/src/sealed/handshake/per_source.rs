//! How many handshakes one source may have while they are many: an address, and around it the network that its owner
//! probably has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::Time;
use crate::sealed::handshake::rate_limit::RateLimit;
use crate::token_bucket::TokenBucket;

/// Implementation: the part of all handshakes, as its divisor, that one address may have for long: 15 a second of 1,000, 7 of 500.
/// A hundred proxy1s behind one address come back within ten seconds, and 64 addresses are needed to ask for more than
/// all handshakes together.
const PART: u32 = 64;
/// Implementation: seconds of that rate that an address which asked little before may have at once.
const BURST_SECONDS: u32 = 4;
/// Implementation: what one port of an address may have: a proxy1 asks once a second, and 37 times in the first two and a half
/// in which a stream waits for the first keys. Behind a NAT another one is then left a chance beside a flood from one port.
const PORT_EVERY: Duration = Duration::from_millis(500);
/// Implementation: the burst of one port: a few initiations that are lost on the way.
const PORT_BURST: u32 = 8;
/// Implementation: what "asks little" means: a link needs one handshake in 120 s, and a few when it is lost or starts.
const LITTLE_EVERY: Duration = Duration::from_secs(10);
/// Implementation: handshakes at once of an address that asks little.
const LITTLE_BURST: u32 = 4;
/// Implementation: an IPv4 address, and the network that its owner may have: the number of leading bits, and as how many
/// addresses it counts. So the owner of a /24 has a quarter of all handshakes.
const NETWORKS_V4: [(u8, u32); 2] = [(32, 1), (24, 16)];
/// Implementation: of IPv6 addresses a /64 counts as one address, since its owner chooses the rest freely. The owner of a
/// /48 has a quarter of all handshakes, not 65,536 times the share of one, and the owner of a /32 half of them.
const NETWORKS_V6: [(u8, u32); 4] = [(64, 1), (56, 4), (48, 16), (32, 32)];
/// Implementation: sources remembered in each of two generations; it bounds the memory to about 3 MiB. A source that is
/// forgotten has its whole share again, so more of them than this do no harm to others.
const SOURCES: usize = 16_384;

/// What each source of initiations took lately.
pub(crate) struct SourceLimiter {
    address: RateLimit,
    /// Where what was taken is noted. When it is full it becomes `old`: so what is in use stays, and the rest is forgotten.
    young: HashMap<Source, SourceTaken>,
    /// Only looked up, never walked: neither's order matters.
    old: HashMap<Source, SourceTaken>,
}

/// A network: the number of leading bits, and these; an address with a port: [`PORT`] and both.
type Source = (u8, [u8; 18]);

const PORT: u8 = u8::MAX;

/// For how long a source must have kept within its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    /// The last seconds.
    Short,
    /// The last half minute also: it asks little.
    Long,
}

#[derive(Clone, Copy, Default)]
struct SourceTaken {
    short: TokenBucket,
    long: TokenBucket,
}

impl SourceLimiter {
    /// Shares of `rate` handshakes a second.
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            address: RateLimit::part(rate, PART, BURST_SECONDS),
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// Whether `from` may have one handshake more.
    pub(crate) fn allows(&self, now: Time, from: SocketAddr, term: Term) -> bool {
        self.shares(from).into_iter().all(|(source, [short, long])| {
            let taken = self.taken(&source);
            short.allows(now, taken.short) && (term == Term::Short || long.allows(now, taken.long))
        })
    }

    /// Whether the port of `from` may have one handshake more, whatever its address had.
    pub(crate) fn allows_port(&self, now: Time, from: SocketAddr) -> bool {
        let (source, [short, _]) = self.port_share(from);
        short.allows(now, self.taken(&source).short)
    }

    /// Takes one handshake for `from`.
    pub(crate) fn take(&mut self, now: Time, from: SocketAddr) {
        // Who asks much does not make those around it ask much: what is beyond its own long term is not counted as theirs.
        let mut little = true;
        for (source, shares) in self.shares(from) {
            little &= self.note(now, source, shares, little);
        }
    }

    /// Takes one handshake for the port of `from` alone.
    pub(crate) fn take_port(&mut self, now: Time, from: SocketAddr) {
        let (source, shares) = self.port_share(from);
        self.note(now, source, shares, true);
    }

    /// Takes one handshake for the source, for the long term only if so; whether that allowed it.
    fn note(&mut self, now: Time, source: Source, [short, long]: [RateLimit; 2], little: bool) -> bool {
        let mut taken = self.taken(&source);
        short.drain(now, &mut taken.short);
        let allowed = long.allows(now, taken.long);
        if little {
            long.drain(now, &mut taken.long);
        }
        if self.young.len() >= SOURCES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(source, taken);
        allowed
    }

    fn taken(&self, source: &Source) -> SourceTaken {
        self.young.get(source).or_else(|| self.old.get(source)).copied().unwrap_or_default()
    }

    /// Everything that `from` is part of, with its shares for a short and for a long term.
    fn shares(&self, from: SocketAddr) -> Vec<(Source, [RateLimit; 2])> {
        let little = RateLimit { every: LITTLE_EVERY, burst: LITTLE_BURST };
        let both = |addresses| [self.address.times(addresses), little.times(addresses)];
        let mut shares = vec![self.port_share(from)];
        match from.ip().to_canonical() {
            IpAddr::V4(ip) => shares.extend(NETWORKS_V4.map(|(bits, addresses)| {
                let network = ip.to_bits() & (u32::MAX << (32 - bits));
                ((bits, padded(&[&network.to_be_bytes()])), both(addresses))
            })),
            IpAddr::V6(ip) => shares.extend(NETWORKS_V6.map(|(bits, addresses)| {
                // The last byte keeps it apart from an IPv4 network of as many bits.
                let network = padded(&[&network(ip, bits).octets(), &[6]]);
                ((bits, network), both(addresses))
            })),
        }
        shares
    }

    /// What a port has: no more than half of its address, so that one port alone cannot use that up.
    fn port_share(&self, from: SocketAddr) -> (Source, [RateLimit; 2]) {
        let every = self.address.every.max(PORT_EVERY);
        let short = RateLimit { every, burst: PORT_BURST.min(self.address.burst / 2) };
        let long = RateLimit { every: LITTLE_EVERY * 2, burst: LITTLE_BURST / 2 };
        ((PORT, padded(&[&octets(from.ip()), &from.port().to_be_bytes()])), [short, long])
    }
}

/// The addresses that count as one with `ip`, named by their first.
pub(crate) fn site(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(network(ip, 64)),
    }
}

fn network(ip: Ipv6Addr, bits: u8) -> Ipv6Addr {
    Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << (128 - u32::from(bits))))
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn padded(parts: &[&[u8]]) -> [u8; 18] {
    let mut padded = [0; 18];
    let bytes = parts.iter().copied().flatten();
    padded.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn had(limiter: &mut SourceLimiter, now: Time, from: SocketAddr, term: Term) -> bool {
        let allowed = limiter.allows(now, from, term);
        if allowed {
            limiter.take(now, from);
        }
        allowed
    }

    /// Handshakes that come of asking from every one of `from` a hundred times a second.
    fn flood(limiter: &mut SourceLimiter, start: Time, seconds: u32, from: &[SocketAddr], term: Term) -> u32 {
        let mut count = 0;
        for round in 0..seconds * 100 {
            let now = start + SECOND / 100 * round;
            count += from.iter().map(|from| u32::from(had(limiter, now, *from, term))).sum::<u32>();
        }
        count
    }

    fn v4(last: u8, port: u16) -> SocketAddr {
        ([192, 0, 2, last], port).into()
    }

    fn v6(subnet: u16, host: u16) -> SocketAddr {
        (Ipv6Addr::new(0x2001, 0xdb8, 7, subnet, 0, 0, 0, host), 5_000).into()
    }

    #[test]
    fn an_address_has_its_share_and_another_one_its_own() {
        let mut limiter = SourceLimiter::new(1_000);
        let ports: Vec<_> = (0..100).map(|port| v4(1, port)).collect();
        let flooded = flood(&mut limiter, Time::ZERO, 10, &ports, Term::Short);
        assert!((200..=220).contains(&flooded), "{flooded}: 62 at once and 15.6 a second");
        assert!(had(&mut limiter, Time::ZERO + SECOND * 10, v4(2, 1), Term::Long));
    }

    #[test]
    fn one_port_leaves_the_others_of_its_address_a_chance() {
        for term in [Term::Short, Term::Long] {
            let mut limiter = SourceLimiter::new(1_000);
            flood(&mut limiter, Time::ZERO, 10, &[v4(1, 1)], term);
            assert!(had(&mut limiter, Time::ZERO + SECOND * 10, v4(1, 2), term), "{term:?}");
        }
    }

    #[test]
    fn the_second_half_of_an_ipv6_address_makes_no_difference() {
        let mut limiter = SourceLimiter::new(1_000);
        let hosts: Vec<_> = (0..100).map(|host| v6(0, host)).collect();
        let flooded = flood(&mut limiter, Time::ZERO, 10, &hosts, Term::Short);
        assert!((200..=220).contains(&flooded), "{flooded}");
    }

    #[test]
    fn the_owner_of_a_larger_network_has_a_few_shares() {
        let networks = [(4, 4), (256, 4), (4_096, 16)];
        for (subnets, shares) in networks {
            let mut limiter = SourceLimiter::new(1_000);
            let subnets: Vec<_> = (0..subnets).map(|subnet| v6(subnet, 1)).collect();
            let flooded = flood(&mut limiter, Time::ZERO, 2, &subnets, Term::Short);
            assert!(flooded <= shares * (62 + 33), "{flooded}");
        }
    }

    #[test]
    fn who_asks_little_is_allowed_for_the_long_term() {
        let mut limiter = SourceLimiter::new(1_000);
        assert_eq!(flood(&mut limiter, Time::ZERO, 10, &[v4(1, 1), v4(1, 2), v4(1, 3)], Term::Long), 4);
        assert!(limiter.allows(Time::ZERO + SECOND * 10, v4(1, 4), Term::Long));
        let mut often = SourceLimiter::new(1_000);
        flood(&mut often, Time::ZERO, 10, &[v4(1, 1), v4(1, 2), v4(1, 3)], Term::Short);
        assert!(!often.allows(Time::ZERO + SECOND * 10, v4(1, 4), Term::Long));
        assert!(
            often.allows(Time::ZERO + SECOND * 50, v4(1, 1), Term::Long),
            "and is so again after a while"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded_and_who_floods_is_not_forgotten() {
        let mut limiter = SourceLimiter::new(1_000);
        let greedy = v4(1, 1);
        for number in 0..100_000_u32 {
            let now = Time::ZERO + Duration::from_micros(100) * number;
            limiter.take(now, (std::net::Ipv4Addr::from_bits(number), 1).into());
            had(&mut limiter, now, greedy, Term::Short);
        }
        assert!(limiter.young.len() <= SOURCES && limiter.old.len() <= SOURCES);
        assert!(!limiter.allows(Time::ZERO + SECOND * 10, greedy, Term::Long));
    }

    #[test]
    fn the_smallest_rate_still_has_shares() {
        let mut limiter = SourceLimiter::new(1);
        assert_eq!(flood(&mut limiter, Time::ZERO, 1, &[v4(1, 1), v4(1, 2)], Term::Short), 4);
    }
}
