//! Floods of initiations whose macs are right, from addresses that have their cookies: they take no more public-key
//! work than is allowed, and who asks from elsewhere gets in.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::pair::*;
use crate::Time;
use crate::sealed::crypto::mac;
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::cookie::{self, Cookie};
use crate::sealed::handshake::initiator::{Identity, Initiator, Outcome};
use crate::sealed::handshake::messages;
use crate::sealed::handshake::responder::{DroppedInitiation, Responder, Settings, Verdict};
use crate::sealed::handshake::terms::{Instance, LinkId, Refusal, UnixMicros};
use crate::ticket::Ticket;

const MILLISECOND: Duration = Duration::from_millis(1);
/// Handshakes a second that proxy2 allows.
const RATE: u32 = 1_000;
/// Initiations of the flood in a millisecond: 6 Mbit/s.
const FLOOD: usize = 4;
/// How long it lasts, in milliseconds.
const LASTS: u32 = 8_000;
/// When the first newcomer asks, and then one every so often; each is given two seconds.
const FROM: u32 = 2_000;
const EVERY: u32 = 80;
const PATIENCE: u32 = 2_000;
/// When a proxy1 asks, in milliseconds after its start, and how long a datagram takes there and back.
const ASKS: [u32; 4] = [0, 250, 750, 1_750];
const ROUND_TRIP: u32 = 50;

/// Tickets: of the newcomers, of attackers, one that was revoked, and one of another proxy2.
const GOOD: u8 = 0x33;
const ATTACKERS: u8 = 0x44;
const REVOKED: u8 = 0x66;
const UNKNOWN: u8 = 0x77;

/// Someone who knows proxy2's public key and can receive where he sends from.
struct Attacker {
    from: SocketAddr,
    has: Has,
}

/// What he has besides.
enum Has {
    /// Nothing but the cookie that he got: what he sends is noise.
    PublicKey(Option<Cookie>),
    /// A ticket that is not good, or not any more.
    BadTicket(Box<Initiator>),
    /// A valid ticket. He asks for one new link after the other.
    Ticket(Box<Initiator>),
}

impl Attacker {
    fn stranger(from: SocketAddr) -> Self {
        Self { from, has: Has::PublicKey(None) }
    }

    fn unwelcome(from: SocketAddr, seed: u8) -> Self {
        Self { from, has: Has::BadTicket(Box::new(Initiator::new(ticket(seed, false), identity(AES)))) }
    }

    fn holder(from: SocketAddr) -> Self {
        Self { from, has: Has::Ticket(Box::new(Initiator::new(ticket(ATTACKERS, false), identity(AES)))) }
    }

    /// Initiations in a millisecond. Each is a new one, since copies count for nothing; to make one with a ticket costs the
    /// test as much as the response.
    fn speed(&self) -> usize {
        match self.has {
            Has::PublicKey(_) => FLOOD,
            Has::BadTicket(_) => FLOOD / 2,
            Has::Ticket(_) => 1,
        }
    }

    fn initiation(&mut self, now: Time, unix: UnixMicros, random: &mut Random) -> Vec<u8> {
        match &mut self.has {
            Has::PublicKey(cookie) => {
                let key = mac::mac1_key(server_key().public().as_bytes());
                let noise = |room: &mut [u8]| room[..32].copy_from_slice(random.block().as_slice());
                let mut initiation = messages::write_initiation(7, &key, noise).0;
                cookie.iter().for_each(|cookie| messages::prove_address(&mut initiation, cookie));
                initiation
            }
            Has::BadTicket(initiator) => initiator.start(now, unix, 7, random),
            Has::Ticket(initiator) => {
                initiator.set_link(LinkId(random.u64()));
                initiator.start(now, unix, 7, random)
            }
        }
    }

    /// Sends one more initiation.
    fn ask(
        &mut self,
        responder: &mut Responder,
        now: Time,
        unix: UnixMicros,
        random: &mut Random,
        toll: &mut Toll,
    ) {
        let initiation = self.initiation(now, unix, random);
        let verdict = responder.handle(now, unix, self.from, &initiation);
        // Anything else would be a flood that does not do what it is for.
        toll.work += match (&self.has, verdict) {
            (_, Verdict::Cookie(reply)) => {
                self.prove(now, &initiation, &reply);
                0
            }
            // Before it was opened, or (a ticket's) after that.
            (_, Verdict::Drop(DroppedInitiation::Busy)) => 0,
            (Has::PublicKey(_), Verdict::Drop(DroppedInitiation::Forged)) => 2,
            (Has::BadTicket(_), Verdict::Drop(DroppedInitiation::Unwelcome)) => 3,
            (Has::BadTicket(_), Verdict::Refused { why, .. }) => {
                toll.told.push(why);
                6
            }
            (Has::Ticket(_), Verdict::Request(_)) => 6,
            (_, verdict) => panic!("{verdict:?}"),
        };
    }

    /// Takes a cookie, for the next initiation.
    fn prove(&mut self, now: Time, initiation: &[u8], reply: &[u8]) {
        match &mut self.has {
            Has::PublicKey(cookie) => {
                let view = messages::InitiationView::parse(initiation).unwrap();
                *cookie = cookie::Reply::parse(reply).unwrap().open(&server_key().public(), view.mac1);
            }
            Has::BadTicket(initiator) | Has::Ticket(initiator) => {
                assert!(matches!(initiator.handle(now, reply), Outcome::Resend { .. }));
            }
        }
    }
}

/// A proxy1 that was just started.
struct Newcomer {
    start: u32,
    from: SocketAddr,
    initiator: Initiator,
    resend: Option<(u32, Vec<u8>)>,
    accepted: bool,
}

impl Newcomer {
    fn new(start: u32, from: SocketAddr, ticket: &Ticket) -> Self {
        let name = u64::from(start);
        let identity = Identity { link: LinkId(name), instance: Instance(name), ..identity(AES) };
        let initiator = Initiator::new(ticket.clone(), identity);
        Self { start, from, initiator, resend: None, accepted: false }
    }

    /// What it sends in that millisecond.
    fn asks(
        &mut self,
        millisecond: u32,
        now: Time,
        unix: UnixMicros,
        random: &mut Random,
    ) -> Option<Vec<u8>> {
        let age = millisecond.checked_sub(self.start).filter(|age| *age < PATIENCE && !self.accepted)?;
        if let Some((_, initiation)) = self.resend.take_if(|(at, _)| *at == millisecond) {
            return Some(initiation);
        }
        ASKS.contains(&age).then(|| self.initiator.start(now, unix, age, random))
    }
}

/// What came of a flood.
#[derive(Debug, Default)]
struct Toll {
    /// Newcomers, and how many of them were accepted within two seconds.
    newcomers: usize,
    accepted: usize,
    /// Public-key work that was done, in handshakes of six parts.
    work: u32,
    /// Why attackers were told that they may not come in.
    told: Vec<Refusal>,
}

/// A flood of strangers at `attackers` while newcomers come from where `place` says. `links`: where their ticket has some.
fn flood(attackers: &[SocketAddr], place: impl Fn(u32) -> SocketAddr, links: &[SocketAddr]) -> Toll {
    flood_of(attackers.iter().copied().map(Attacker::stranger).collect(), place, links)
}

fn flood_of(attackers: Vec<Attacker>, place: impl Fn(u32) -> SocketAddr, links: &[SocketAddr]) -> Toll {
    flood_with_links(attackers, place, links, &[])
}

/// The same with links of the attackers' ticket too.
fn flood_with_links(
    mut attackers: Vec<Attacker>,
    place: impl Fn(u32) -> SocketAddr,
    links: &[SocketAddr],
    attackers_links: &[SocketAddr],
) -> Toll {
    let mut random = Random::from_seed([0x72; 32]);
    let (ticket, attackers_ticket) = (ticket(GOOD, false), ticket(ATTACKERS, false));
    let revoked = super::pair::ticket(REVOKED, false).client();
    let mut responder = responder(Settings { handshakes_per_second: RATE, ..settings(AES) });
    responder.allow(ticket.client(), None);
    responder.allow(attackers_ticket.client(), None);
    responder.allow(revoked, None);
    responder.revoke(revoked);
    for (client, links) in [(ticket.client(), links), (attackers_ticket.client(), attackers_links)] {
        for (link, at) in (0..).map(LinkId).zip(links) {
            responder.link_is_at(client, link, *at);
        }
    }
    let starts = (FROM..=LASTS - PATIENCE).step_by(EVERY as usize);
    let mut newcomers: Vec<_> = starts.map(|start| Newcomer::new(start, place(start), &ticket)).collect();
    let (mut turn, mut toll) = (0, Toll { newcomers: newcomers.len(), ..Toll::default() });
    for millisecond in 0..LASTS {
        let now = Time::ZERO + MILLISECOND * millisecond;
        let unix = UnixMicros(NEW_YEAR.0 + u64::from(millisecond) * 1_000);
        for part in 0..FLOOD {
            turn = (turn + 1) % attackers.len();
            // Not all at the start of the millisecond.
            let now = now + MILLISECOND / 5 * u32::try_from(part).unwrap();
            let attacker = &mut attackers[turn];
            if part < attacker.speed() {
                attacker.ask(&mut responder, now, unix, &mut random, &mut toll);
            }
        }
        for newcomer in &mut newcomers {
            let Some(initiation) = newcomer.asks(millisecond, now, unix, &mut random) else { continue };
            match responder.handle(now, unix, newcomer.from, &initiation) {
                Verdict::Request(_) => {
                    newcomer.accepted = true;
                    toll.work += 6;
                }
                Verdict::Cookie(reply) => {
                    if let Outcome::Resend { message: initiation, .. } =
                        newcomer.initiator.handle(now, &reply)
                    {
                        newcomer.resend = Some((millisecond + ROUND_TRIP, initiation));
                    }
                }
                Verdict::Drop(why) => assert_eq!(why, DroppedInitiation::Busy),
                Verdict::Refused { why, .. } => panic!("refused: {why}"),
            }
        }
    }
    toll.accepted = newcomers.iter().filter(|newcomer| newcomer.accepted).count();
    toll
}

fn attacker(number: u32, port: u16) -> SocketAddr {
    (Ipv4Addr::from_bits(0xc633_6400 + number), port).into()
}

fn newcomer(start: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0xcb00_7100 + start), 5_000).into()
}

#[track_caller]
fn assert_open(toll: &Toll) {
    assert!(toll.accepted * 10 >= toll.newcomers * 9, "{toll:?}");
    // A quarter of a second's worth may have been saved up.
    assert!(toll.work <= 6 * (RATE * LASTS / 1_000 + RATE / 4 + 1), "{toll:?}");
}

#[test]
fn four_addresses_keep_nobody_out() {
    let attackers: Vec<_> = (0..4).map(|number| attacker(number, 1)).collect();
    assert_open(&flood(&attackers, newcomer, &[]));
}

/// With many ports each, so that each has all of its address's share.
#[test]
fn sixteen_addresses_keep_nobody_out() {
    let attackers: Vec<_> =
        (0..1_600).map(|number| attacker(number % 16, u16::try_from(number).unwrap())).collect();
    assert_open(&flood(&attackers, newcomer, &[]));
}

#[test]
fn two_thousand_addresses_keep_nobody_out() {
    let attackers: Vec<_> = (0..2_000).map(|number| attacker(number, 1)).collect();
    assert_open(&flood(&attackers, newcomer, &[]));
}

/// Four /64 and as many addresses as they like in each.
#[test]
fn the_owner_of_a_62_keeps_nobody_out() {
    let attackers: Vec<_> = (0..4_000_u16)
        .map(|number| (Ipv6Addr::new(0x2001, 0xdb8, 7, number % 4, 0, 0, 0, number), 1).into())
        .collect();
    let elsewhere = |start: u32| {
        let subnet = u16::try_from(start).unwrap();
        SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 8, subnet, 0, 0, 0, 1), 5_000))
    };
    assert_open(&flood(&attackers, elsewhere, &[]));
    assert_open(&flood(&attackers, newcomer, &[]));
}

#[test]
fn the_owner_of_a_48_keeps_nobody_out() {
    let attackers: Vec<_> =
        (0..4_000).map(|subnet| (Ipv6Addr::new(0x2001, 0xdb8, 7, subnet, 0, 0, 0, 1), 1).into()).collect();
    assert_open(&flood(&attackers, newcomer, &[]));
}

#[test]
fn behind_the_same_nat_as_a_flood_from_one_port_there_is_a_way_in() {
    let neighbour = |start: u32| attacker(0, u16::try_from(start).unwrap());
    assert_open(&flood(&[attacker(0, 1)], neighbour, &[]));
}

/// And the flood uses every port, from many addresses: what has a link gets its new keys all the same.
#[test]
fn a_link_gets_new_keys_behind_the_same_nat_as_any_flood() {
    let attackers: Vec<_> =
        (0..4_000).map(|number| attacker(number % 40, 20_000 + u16::try_from(number).unwrap())).collect();
    let neighbour = |start: u32| attacker(start % 40, u16::try_from(start).unwrap());
    let links: Vec<_> = (FROM..LASTS).step_by(EVERY as usize).map(neighbour).collect();
    assert_open(&flood(&attackers, neighbour, &links));
}

/// Without cookies nothing is left for others either, but only of what is for everybody.
#[test]
fn a_flood_from_forged_addresses_keeps_nobody_out() {
    let mut forged = Vec::new();
    for number in 0..60_000 {
        forged.push(attacker(number, 1));
    }
    assert_open(&flood(&forged, newcomer, &[]));
}

/// Tickets that were revoked are known to whoever had them, and so is the public key in them. So is one that is not in the
/// list any more.
#[test]
fn tickets_that_are_not_good_keep_nobody_out_and_few_are_told() {
    let seed = |number| if number % 2 == 0 { REVOKED } else { UNKNOWN };
    let attackers = (0..8).map(|number| Attacker::unwelcome(attacker(number, 1), seed(number))).collect();
    let toll = flood_of(attackers, newcomer, &[]);
    assert_open(&toll);
    // While three quarters of the bucket are left, which come back while they are taken.
    assert!((1..=RATE as usize / 4).contains(&toll.told.len()), "{} were told", toll.told.len());
    for why in [Refusal::RevokedTicket, Refusal::UnknownTicket] {
        assert!(toll.told.contains(&why), "{why}");
    }
}

/// Its holder asks for new links as fast as he can, from one address or from a few.
#[test]
fn one_ticket_keeps_the_others_out_nowhere() {
    for addresses in [1, 40] {
        let attackers = (0..200).map(|number| {
            Attacker::holder(attacker(number % addresses, 1_000 + u16::try_from(number).unwrap()))
        });
        assert_open(&flood_of(attackers.collect(), newcomer, &[]));
    }
}

/// And he has links everywhere that he asks for keys for.
#[test]
fn rekeying_every_link_at_once_keeps_nobody_out() {
    let attackers: Vec<_> = (0..200).map(|number| attacker(number, 1)).collect();
    let holders = attackers.iter().map(|from| Attacker::holder(*from)).collect();
    assert_open(&flood_with_links(holders, newcomer, &[], &attackers));
}
