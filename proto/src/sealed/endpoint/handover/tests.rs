use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::sealed::crypto::cipher::CipherSupport;
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::initiator::{Established, Identity, Initiator, Outcome};
use crate::sealed::handshake::responder::{CLOCK_TOLERANCE, DroppedInitiation, Responder, Settings};
use crate::sealed::handshake::terms::{Epoch, Features, Limits, Refusal};
use crate::sealed::wire::packet::{OVERHEAD, Outer};
use crate::ticket::Ticket;

const LIMITS: Limits = Limits {
    streams: 10,
    link_credit: 1 << 20,
    stream_credit: 1 << 16,
    datagram: 1_472,
    features: Features::NONE,
};
const FROM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 5_000);
const YEAR_2025: UnixMicros = UnixMicros(1_735_689_600_000_000);

fn random(seed: u8) -> Random {
    Random::from_seed([seed; 32])
}

/// Two processes of one proxy2, and clients with one ticket.
struct World {
    now: Time,
    unix: UnixMicros,
    ticket: Ticket,
    random: Random,
}

impl World {
    fn new() -> Self {
        let key = PrivateKey::from_bytes(&[0x11; 32]);
        let ticket = Ticket::generate(key.public(), false, &mut random(1));
        Self { now: Time::ZERO, unix: YEAR_2025, ticket, random: random(2) }
    }

    /// The process `number`, whose epoch that is.
    fn process(&self, number: u8) -> Endpoint {
        let settings = Settings {
            epoch: Epoch(number.into()),
            ciphers: CipherSupport { aes: true },
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: 1_000_000,
        };
        let key = PrivateKey::from_bytes(&[0x11; 32]);
        let responder = Responder::new(self.now, key, settings, random(number));
        let mut endpoint = Endpoint::new(responder, LIMITS, 100, random(number + 100));
        endpoint.allow(self.ticket.client(), None);
        endpoint
    }

    fn client(&self, link: u64) -> Initiator {
        let (instance, ciphers) = (Instance(7), CipherSupport { aes: true });
        Initiator::new(
            self.ticket.clone(),
            Identity { link: LinkId(link), instance, ciphers, limits: LIMITS },
        )
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.unix.0 += seconds * 1_000_000;
    }

    fn ask(&mut self, client: &mut Initiator) -> Vec<u8> {
        self.pass(1);
        let index = self.random.u32();
        client.start(self.now, self.unix, index, &mut self.random)
    }

    fn ask_a_day_late(&mut self, client: &mut Initiator) -> Vec<u8> {
        let unix = self.unix;
        self.unix.0 -= 86_400_000_000;
        let asked = self.ask(client);
        self.unix = unix;
        asked
    }

    fn hear(&self, at: &mut Endpoint, datagram: &[u8]) -> DatagramEvent {
        at.handle(self.now, self.unix, FROM, datagram)
    }

    /// A link that the process has of this client.
    fn join(&mut self, at: &mut Endpoint, client: &mut Initiator) -> (LinkKey, Established) {
        let asked = self.ask(client);
        let DatagramEvent::New { link, response, .. } = self.hear(at, &asked) else { panic!("no link") };
        (link, self.told(client, &response))
    }

    fn told(&self, client: &mut Initiator, response: &[u8]) -> Established {
        let outcome = client.handle(self.now, response);
        let Outcome::Established(established) = outcome else { panic!("not established but {outcome:?}") };
        *established
    }

    fn name(&self, link: u64) -> LinkName {
        LinkName { client: self.ticket.client(), id: LinkId(link) }
    }
}

/// A data packet for the index that a process chose.
fn packet(index: u32) -> Vec<u8> {
    let mut bytes = vec![9; OVERHEAD + 1];
    bytes[0] = 4;
    bytes[1..5].copy_from_slice(&index.to_be_bytes());
    assert!(matches!(Outer::parse(&bytes), Some(Outer::Data(_))));
    bytes
}

/// Where a client's packets go.
fn index(established: &Established) -> u32 {
    established.session.seal.receiver()
}

#[test]
fn packets_go_to_the_process_that_has_their_link_and_new_links_to_the_one_that_follows() {
    let mut world = World::new();
    let (mut old, mut new) = (world.process(1), world.process(2));
    let mut staying = world.client(1);
    let (link, with_old) = world.join(&mut old, &mut staying);
    new.take_over(old.hand_over(world.unix));
    let mut coming = world.client(2);
    let (_, with_new) = world.join(&mut new, &mut coming);
    assert_eq!((with_old.epoch, with_new.epoch), (Epoch(1), Epoch(2)));
    let [for_old, for_new] = [index(&with_old), index(&with_new)].map(packet);
    assert!(matches!(world.hear(&mut new, &for_old), DatagramEvent::Predecessor));
    assert!(matches!(world.hear(&mut new, &for_new), DatagramEvent::Link(_)));
    let passed = old.handle_passed(world.now, world.unix, &for_old);
    assert!(matches!(passed, DatagramEvent::Link(key) if key == link));
    // Whoever makes up an index reaches nobody.
    let stray = old.handle_passed(world.now, world.unix, &packet(index(&with_old) ^ 1));
    assert!(matches!(stray, DatagramEvent::Drop(Dropped::Stray)));
}

#[test]
fn what_is_for_no_link_is_passed_to_no_process() {
    let mut world = World::new();
    let (mut old, mut new) = (world.process(1), world.process(2));
    let mut staying = world.client(1);
    let (link, first) = world.join(&mut old, &mut staying);
    new.take_over(old.hand_over(world.unix));
    let first = index(&first);
    let is_passed = |world: &World, new: &mut Endpoint, index| {
        let heard = world.hear(new, &packet(index));
        let is_passed = matches!(heard, DatagramEvent::Predecessor);
        assert!(is_passed || matches!(heard, DatagramEvent::Drop(Dropped::Stray)), "{heard:?}");
        is_passed
    };
    assert!(!is_passed(&world, &mut new, first ^ 1), "anybody can make that up");
    let asked = world.ask(&mut staying);
    assert!(matches!(world.hear(&mut new, &asked), DatagramEvent::Predecessor));
    let DatagramEvent::Session { response, .. } = old.handle_passed(world.now, world.unix, &asked) else {
        panic!("no keys")
    };
    let second = index(&world.told(&mut staying, &response));
    assert_eq!(old.index_changes(), [IndexChange { index: second, is_used: true }]);
    new.predecessor_index(IndexChange { index: second, is_used: true });
    assert!(is_passed(&world, &mut new, first) && is_passed(&world, &mut new, second));
    old.retire(first);
    old.remove(link);
    for (index, change) in [first, second].into_iter().zip(old.index_changes()) {
        assert_eq!(change, IndexChange { index, is_used: false });
        new.predecessor_index(change);
        assert!(!is_passed(&world, &mut new, index));
    }
    assert!(old.index_changes().is_empty());
}

#[test]
fn indices_of_two_processes_are_never_the_same() {
    let mut world = World::new();
    let mut old = world.process(1);
    // The same numbers come to both.
    let mut new = world.process(1);
    let mut staying = world.client(1);
    let (_, first) = world.join(&mut old, &mut staying);
    new.take_over(old.hand_over(world.unix));
    let mut coming = world.client(2);
    let (_, second) = world.join(&mut new, &mut coming);
    assert_ne!(index(&first), index(&second));
    let mut third = world.process(1);
    third.take_over(new.hand_over(world.unix));
    let mut last = world.client(3);
    let (_, third) = world.join(&mut third, &mut last);
    assert_ne!(Lane::of(index(&second)), Lane::of(index(&third)));
}

#[test]
fn a_link_that_stays_gets_further_keys_of_the_process_that_it_is_at() {
    let mut world = World::new();
    let (mut old, mut new) = (world.process(1), world.process(2));
    let mut staying = world.client(1);
    let (link, first) = world.join(&mut old, &mut staying);
    new.take_over(old.hand_over(world.unix));
    let asked = world.ask(&mut staying);
    assert!(matches!(world.hear(&mut new, &asked), DatagramEvent::Predecessor));
    let DatagramEvent::Session { link: with, response, .. } =
        old.handle_passed(world.now, world.unix, &asked)
    else {
        panic!("no keys");
    };
    let again = world.told(&mut staying, &response);
    assert_eq!((with, again.epoch, again.incarnation), (link, first.epoch, first.incarnation));
    // Once for the one that reads, and also if the other reads again.
    let again = world.hear(&mut new, &asked);
    assert!(matches!(again, DatagramEvent::Drop(Dropped::Handshake(DroppedInitiation::Replayed))));
    let again = world.hear(&mut old, &asked);
    assert!(matches!(again, DatagramEvent::Drop(Dropped::Handshake(DroppedInitiation::Replayed))));
}

#[test]
fn a_client_whose_clock_is_off_keeps_its_link() {
    let mut world = World::new();
    let (mut old, mut new) = (world.process(1), world.process(2));
    let mut staying = world.client(1);
    let asked = world.ask_a_day_late(&mut staying);
    let DatagramEvent::Reply { bytes, .. } = world.hear(&mut old, &asked) else { panic!("no challenge") };
    staying.handle(world.now, &bytes);
    let asked = world.ask_a_day_late(&mut staying);
    let DatagramEvent::New { response, .. } = world.hear(&mut old, &asked) else { panic!("no link") };
    world.told(&mut staying, &response);
    new.take_over(old.hand_over(world.unix));
    // The challenge of the old process is good for nothing at the new one.
    let asked = world.ask_a_day_late(&mut staying);
    let DatagramEvent::Reply { bytes, refused } = world.hear(&mut new, &asked) else {
        panic!("no challenge")
    };
    assert_eq!(refused.map(|(_, why)| why), Some(Refusal::ClockOff));
    staying.handle(world.now, &bytes);
    let asked = world.ask_a_day_late(&mut staying);
    assert!(matches!(world.hear(&mut new, &asked), DatagramEvent::Predecessor));
    let passed = old.handle_passed(world.now, world.unix, &asked);
    assert!(matches!(passed, DatagramEvent::Session { .. }), "{passed:?}");
}

#[test]
fn what_one_process_took_the_other_does_not_take_again() {
    let mut world = World::new();
    let (mut old, mut new) = (world.process(1), world.process(2));
    let mut client = world.client(1);
    let recorded = world.ask(&mut client);
    let DatagramEvent::New { link, .. } = world.hear(&mut old, &recorded) else { panic!("no link") };
    old.remove(link);
    new.take_over(old.hand_over(world.unix));
    let again = world.hear(&mut new, &recorded);
    assert!(
        matches!(again, DatagramEvent::Drop(Dropped::Handshake(DroppedInitiation::Replayed))),
        "{again:?}"
    );
    let asked = world.ask(&mut client);
    assert!(matches!(world.hear(&mut new, &asked), DatagramEvent::New { .. }), "a later one is taken");
}

#[test]
fn a_link_that_has_ended_at_the_one_begins_at_the_other() {
    let mut world = World::new();
    let (mut old, mut new) = (world.process(1), world.process(2));
    let mut clients = [1, 2].map(|link| world.client(link));
    clients.iter_mut().for_each(|client| drop(world.join(&mut old, client)));
    new.take_over(old.hand_over(world.unix));
    assert_eq!(new.predecessor_links(), 2);
    let (first, second) = (world.name(1), world.name(2));
    let key = old.find(first).unwrap();
    assert_eq!(old.name_of(key), Some(first));
    old.end(key);
    assert_eq!((old.find(first), old.name_of(key)), (None, None));
    new.predecessor_ended(first);
    let (_, with) = world.join(&mut new, &mut clients[0]);
    assert_eq!(with.epoch, Epoch(2));
    assert_eq!(new.predecessor_links(), 1);
    // The process before has been killed.
    new.predecessor_gone();
    let (_, with) = world.join(&mut new, &mut clients[1]);
    assert_eq!((with.epoch, new.find(second).is_some()), (Epoch(2), true));
    let stray = world.hear(&mut new, &packet(0));
    assert!(matches!(stray, DatagramEvent::Drop(Dropped::Stray)));
}

#[test]
fn a_process_that_is_followed_makes_no_link() {
    let mut world = World::new();
    let mut old = world.process(1);
    let mut client = world.client(1);
    world.join(&mut old, &mut client);
    old.hand_over(world.unix);
    let mut other = world.client(2);
    let asked = world.ask(&mut other);
    // Neither passed on, nor when it reads the socket again.
    let passed = old.handle_passed(world.now, world.unix, &asked);
    assert!(matches!(passed, DatagramEvent::Drop(Dropped::Stray)), "{passed:?}");
    let asked = world.ask(&mut other);
    let heard = world.hear(&mut old, &asked);
    assert!(matches!(heard, DatagramEvent::Drop(Dropped::Stray)), "{heard:?}");
    let asked = world.ask(&mut client);
    assert!(matches!(world.hear(&mut old, &asked), DatagramEvent::Session { .. }), "its own go on");
}

#[test]
fn what_is_passed_on_must_be_authentic_and_of_a_ticket() {
    let mut world = World::new();
    let mut old = world.process(1);
    let mut client = world.client(1);
    world.join(&mut old, &mut client);
    old.hand_over(world.unix);
    let asked = world.ask(&mut client);
    for at in [4, 60, 200] {
        let mut changed = asked.clone();
        changed[at] ^= 1;
        let passed = old.handle_passed(world.now, world.unix, &changed);
        let is_session = matches!(passed, DatagramEvent::Session { .. });
        assert!(!is_session || at == 200, "byte {at}: only the proof of an address is not looked at again");
    }
    old.revoke(world.ticket.client());
    let passed = old.handle_passed(world.now, world.unix, &asked);
    assert!(matches!(passed, DatagramEvent::Drop(Dropped::Handshake(DroppedInitiation::Unwelcome))));
}

#[test]
fn a_client_that_begins_again_shows_that_its_former_link_is_in_doubt() {
    let mut world = World::new();
    let (mut old, mut new) = (world.process(1), world.process(2));
    let mut client = world.client(1);
    world.join(&mut old, &mut client);
    new.take_over(old.hand_over(world.unix));
    let mut next = world.client(2);
    let asked = world.ask(&mut next);
    let DatagramEvent::New { former, rival, .. } = world.hear(&mut new, &asked) else { panic!("no link") };
    assert_eq!((former, rival), (Some(world.name(1)), None));
}
