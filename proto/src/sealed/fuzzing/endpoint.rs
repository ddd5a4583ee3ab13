//! A whole proxy2 without sockets, clients with their links, and a network that copies, flips, redirects and withholds
//! datagrams: what nobody may break, whatever comes in whatever order.
//!
//! Checked: nothing panics; replies are no larger than initiations; there are no more links than places; what is held
//! and promised is what was counted, and together, of all links and of each ticket's, no more than the budget and what
//! each link has whatever others hold; and when the clients have left, the links are gone within their deadlines, with
//! all memory.

use crate::sealed::crypto::cipher::CipherSupport;
use crate::sealed::crypto::keys::PrivateKey;
use crate::sealed::crypto::random::Random;
use crate::sealed::endpoint::{DatagramEvent, Endpoint, LinkKey};
use crate::sealed::handshake::initiator::{Identity, Initiator};
use crate::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder};
use crate::sealed::handshake::terms::{Epoch, Instance, LinkId, UnixMicros};
use crate::sealed::link::{Event, Link, Settings};
use crate::sealed::streams::budget::{Budget, FLOOR};
use crate::sealed::transport;
use crate::sealed::wire::end_code::EndCode;
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::ticket::Ticket;
use crate::time::Time;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

/// Tickets, and clients with each.
const TICKETS: usize = 3;
const CLIENTS: usize = 2;
/// Fewer than clients, so that places are fought for.
const PLACES: usize = 5;
/// Bytes for all links: little, so that they feel each other.
const MEMORY: u64 = 4 << 20;
/// Datagrams that the network remembers, to bring them again.
const REMEMBERED: usize = 64;
/// Within this a link is gone whose client is gone and whose place is wanted: a sign of life that does not come within
/// 1.5 s, then what came may be read for 60 s. The rest is for timers that run one after the other.
const DEADLINE: Duration = Duration::from_secs(65);
const SERVER: &str = "192.0.2.2:4000";

/// A datagram on its way to proxy2's or a client's address, and where it seems to come from.
#[derive(Clone, Debug)]
struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

struct Client {
    link: Link,
    at: SocketAddr,
    ticket: usize,
    streams: Vec<StreamId>,
}

struct Model {
    now: Time,
    endpoint: Endpoint,
    budget: Budget,
    /// The tickets' parts of it, by their places in `tickets`.
    parts: Vec<Budget>,
    settings: Settings,
    links: BTreeMap<LinkKey, Link>,
    /// Links that proxy2 ends: over when the packet that says so has left.
    closing: Vec<LinkKey>,
    tickets: Vec<Ticket>,
    clients: Vec<Client>,
    wire: VecDeque<Datagram>,
    seen: VecDeque<Datagram>,
    links_made: u64,
    room: Vec<u8>,
}

/// Runs the operations that `bytes` spell, three bytes each.
///
/// # Panics
/// If proxy2 does not do what it must.
pub fn run_endpoint(bytes: &[u8]) {
    let mut model = Model::new();
    for operation in bytes.chunks_exact(3) {
        model.operate(operation[0], usize::from(operation[1]), operation[2]);
        model.check();
    }
    model.wind_up();
}

impl Model {
    fn new() -> Self {
        let mut random = Random::from_seed([1; 32]);
        let key = PrivateKey::generate(&mut random);
        let now = Time::ZERO + Duration::from_secs(1);
        let transport =
            transport::Settings { memory: MEMORY / 4, max_streams: 20, ..transport::Settings::default() };
        let settings = Settings { transport, ..Settings::default() };
        let responder = responder::Settings {
            epoch: Epoch(1),
            ciphers: CipherSupport { aes: true },
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: 50,
        };
        let tickets: Vec<_> =
            (0..TICKETS).map(|_| Ticket::generate(key.public(), false, &mut random)).collect();
        let responder = Responder::new(now, key, responder, Random::from_seed([2; 32]));
        let mut endpoint =
            Endpoint::new(responder, Link::limits(&settings), PLACES, Random::from_seed([3; 32]));
        tickets.iter().for_each(|ticket| endpoint.allow(ticket.client(), None));
        let budget = Budget::new(MEMORY);
        let mut model = Self {
            now,
            endpoint,
            parts: tickets.iter().map(|_| budget.part()).collect(),
            budget,
            settings,
            links: BTreeMap::new(),
            closing: Vec::new(),
            tickets,
            clients: Vec::new(),
            wire: VecDeque::new(),
            seen: VecDeque::new(),
            links_made: 0,
            room: vec![0; 65_507],
        };
        for at in 0..TICKETS * CLIENTS {
            let client = model.client(at);
            model.clients.push(client);
        }
        model
    }

    /// A new process of client `at`.
    fn client(&mut self, at: usize) -> Client {
        self.links_made += 1;
        let ticket = at % TICKETS;
        let identity = Identity {
            link: LinkId(self.links_made),
            instance: Instance(at as u64),
            ciphers: CipherSupport { aes: true },
            limits: Link::limits(&self.settings),
        };
        let initiator = Initiator::new(self.tickets[ticket].clone(), identity);
        let seed = self.links_made.to_be_bytes()[7];
        let link = Link::client(self.now, server(), initiator, self.settings, Random::from_seed([seed; 32]));
        let at = SocketAddr::from(([198, 51, 100, seed], 1_000 + u16::from(seed)));
        Client { link, at, ticket, streams: Vec::new() }
    }

    fn operate(&mut self, kind: u8, which: usize, amount: u8) {
        let at = which % self.clients.len();
        match kind % 16 {
            0 => self.open(at),
            1 | 2 => self.write(at, which, usize::from(amount) * 256),
            3 => self.finish(at, which, amount),
            4..=6 => self.deliver(usize::from(amount)),
            7 => drop(self.wire.pop_front()),
            8 => self.replay(which, amount, None),
            9 => self.replay(which, amount, Some(amount)),
            10 => self.clients[at].at.set_port(2_000 + u16::from(amount)),
            11 => self.pass(Duration::from_millis(u64::from(amount) * 4)),
            12 => self.pass(Duration::from_secs(u64::from(amount))),
            13 => self.change_ticket(at, amount),
            14 => self.end(at, amount),
            _ => self.clients[at] = self.client(at),
        }
    }

    fn open(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.streams.extend(client.link.streams().open(b"a:1"));
        self.drive();
    }

    fn write(&mut self, at: usize, which: usize, length: usize) {
        let (now, client) = (self.now, &mut self.clients[at]);
        let Some(id) = client.streams.get(which / 16 % client.streams.len().max(1)).copied() else { return };
        let length = client.link.streams().room(id).min(length);
        client.link.streams().write(now, id, &vec![7; length]);
        self.drive();
    }

    fn finish(&mut self, at: usize, which: usize, amount: u8) {
        let (now, client) = (self.now, &mut self.clients[at]);
        if client.streams.is_empty() {
            return;
        }
        let id = client.streams.swap_remove(which / 16 % client.streams.len());
        match amount % 2 {
            0 => client.link.streams().finish(now, id),
            _ => client.link.streams().reset(now, id, ResetCode::Reset),
        }
        self.drive();
    }

    /// A ticket is revoked, or allowed again.
    fn change_ticket(&mut self, at: usize, amount: u8) {
        let ticket = self.tickets[self.clients[at].ticket].client();
        if !amount.is_multiple_of(4) {
            return self.endpoint.allow(ticket, None);
        }
        for key in self.endpoint.revoke(ticket) {
            self.close(key, EndCode::Revoked);
        }
        self.drive();
    }

    fn end(&mut self, at: usize, amount: u8) {
        match self.links.keys().nth(at).copied() {
            Some(key) if amount.is_multiple_of(3) => self.close(key, EndCode::Shutdown),
            _ => self.clients[at].link.close(EndCode::Shutdown),
        }
        self.drive();
    }

    fn close(&mut self, key: LinkKey, code: EndCode) {
        if let Some(link) = self.links.get_mut(&key) {
            link.close(code);
            self.closing.push(key);
        }
    }

    fn deliver(&mut self, count: usize) {
        for _ in 0..count {
            let Some(datagram) = self.wire.pop_front() else { return };
            self.seen.push_back(datagram.clone());
            if self.seen.len() > REMEMBERED {
                self.seen.pop_front();
            }
            self.arrive(datagram);
            self.drive();
        }
    }

    /// Brings something again that was seen, perhaps with one bit changed, perhaps from or to somewhere else.
    fn replay(&mut self, which: usize, amount: u8, flip: Option<u8>) {
        let Some(mut datagram) = self.seen.get(which % self.seen.len().max(1)).cloned() else { return };
        if let Some(flip) = flip {
            let at = which * usize::from(flip) % datagram.bytes.len();
            datagram.bytes[at] ^= 1 << (flip % 8);
        }
        if amount.is_multiple_of(2) && datagram.to == server() {
            datagram.from = self.clients[usize::from(amount) % self.clients.len()].at;
        }
        self.arrive(datagram);
        self.drive();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.drive();
    }

    fn unix(&self) -> UnixMicros {
        let micros = self.now.since(Time::ZERO).as_micros();
        UnixMicros(1_767_225_600_000_000 + u64::try_from(micros).unwrap_or(0))
    }

    fn arrive(&mut self, mut datagram: Datagram) {
        let now = self.now;
        if datagram.to == server() {
            return self.at_server(datagram);
        }
        for client in self.clients.iter_mut().filter(|client| client.at == datagram.to) {
            client.link.handle_datagram(now, datagram.from, &mut datagram.bytes);
        }
    }

    fn at_server(&mut self, mut datagram: Datagram) {
        let (now, unix, from) = (self.now, self.unix(), datagram.from);
        let response = match self.endpoint.handle(now, unix, from, &datagram.bytes) {
            DatagramEvent::Drop(_) => return,
            DatagramEvent::Reply { bytes, .. } => bytes,
            DatagramEvent::Link(key) => {
                let Some(link) = self.links.get_mut(&key) else { return };
                let before = link.heard_at();
                link.handle_datagram(now, from, &mut datagram.bytes);
                if link.heard_at() > before {
                    self.endpoint.heard(now, key, link.peer());
                }
                return;
            }
            DatagramEvent::Session { link, session, response } => {
                let taken = self.links.get_mut(&link).is_none_or(|link| link.add_session(now, *session));
                assert!(taken, "keys for a link that has ended");
                response
            }
            DatagramEvent::Full { ask } => {
                if let Some(link) = self.links.get_mut(&ask) {
                    link.vacate(now);
                }
                return;
            }
            DatagramEvent::New { link, client, session, limits, rival, response } => {
                let random = Random::from_seed([self.links.len().to_le_bytes()[0]; 32]);
                let made = Link::server(now, from, *session, limits, self.settings, random);
                let ticket = self.tickets.iter().position(|ticket| ticket.client() == client);
                let part = &self.parts[ticket.expect("only holders of tickets have links")];
                self.links.insert(link, made.sharing(part));
                if let Some(rival) = rival.and_then(|rival| self.links.get_mut(&rival)) {
                    rival.check_liveness(now);
                }
                response
            }
        };
        assert!(response.len() <= datagram.bytes.len(), "a response is never larger than the initiation");
        self.wire.push_back(Datagram { from: server(), to: from, bytes: response });
    }

    /// Timers, events and datagrams of all.
    fn drive(&mut self) {
        let (now, unix) = (self.now, self.unix());
        let mut out = std::mem::take(&mut self.room);
        for client in &mut self.clients {
            let mut ids = std::mem::take(&mut client.streams);
            work(now, &mut client.link, &mut ids);
            client.streams = ids;
            while let Some(transmit) = client.link.poll_transmit(now, unix, &mut out) {
                for bytes in out[..transmit.length].chunks(transmit.segment) {
                    self.wire.push_back(Datagram { from: client.at, to: server(), bytes: bytes.to_vec() });
                }
            }
        }
        let mut over = Vec::new();
        for (key, link) in &mut self.links {
            if work(now, link, &mut Vec::new()) {
                over.push(*key);
            }
            if link.has_ended() {
                self.endpoint.end(*key);
            }
            while let Some(transmit) = link.poll_transmit(now, unix, &mut out) {
                for bytes in out[..transmit.length].chunks(transmit.segment) {
                    self.wire.push_back(Datagram {
                        from: server(),
                        to: transmit.path.remote,
                        bytes: bytes.to_vec(),
                    });
                }
            }
            while let Some(index) = link.poll_retired() {
                self.endpoint.retire(index);
            }
        }
        over.append(&mut self.closing);
        for key in over {
            self.endpoint.remove(key);
            self.links.remove(&key);
        }
        self.room = out;
    }

    fn check(&mut self) {
        assert!(self.endpoint.len() <= PLACES && self.links.len() <= PLACES + 1, "more links than places");
        for link in self.links.values_mut() {
            link.streams().check_accounts();
        }
        let of_each = self.settings.transport.first_credit() + 2 * FLOOR;
        let beyond = of_each * self.links.len() as u64;
        let parts = self.parts.iter().map(|part| (part, MEMORY / 2));
        for (budget, limit) in parts.chain([(&self.budget, MEMORY)]) {
            let used = budget.used();
            assert!(used <= limit + beyond, "{used} bytes of a budget of {limit}");
            if self.links.is_empty() {
                assert_eq!(used, 0, "nobody holds anything");
            }
        }
    }

    /// All clients are gone, and the network brings the rest.
    fn wind_up(&mut self) {
        self.deliver(10_000);
        self.clients.clear();
        let end = self.now + DEADLINE;
        while self.now < end && !self.links.is_empty() {
            self.wire.clear();
            let next = self.links.values().map(|link| link.poll_timeout(self.now)).min();
            let next = next.unwrap_or(end).max(self.now + Duration::from_millis(1));
            self.now = next.min(self.now + Duration::from_secs(60));
            for link in self.links.values_mut() {
                link.vacate(self.now);
            }
            self.drive();
        }
        assert!(self.links.is_empty() && self.endpoint.is_empty(), "links outlive their clients");
        self.check();
    }
}

fn server() -> SocketAddr {
    SERVER.parse().expect("an address")
}

/// What an application does with its link: accepts, reads all there is, forgets what is over. True if the link is over.
fn work(now: Time, link: &mut Link, ids: &mut Vec<StreamId>) -> bool {
    link.handle_timeout(now);
    let mut over = false;
    while let Some(event) = link.poll_event() {
        match event {
            Event::Stream(transport::Event::Incoming { id, .. }) => link.streams().accept(id),
            Event::Stream(transport::Event::Readable(id)) => read(now, link, id),
            Event::Stream(transport::Event::Reset(id, _)) => {
                read(now, link, id);
                link.streams().discard(id);
                ids.retain(|open| *open != id);
            }
            Event::Stream(transport::Event::Closed(id)) => ids.retain(|open| *open != id),
            Event::Restarted => ids.clear(),
            Event::Gone | Event::Ended(_) | Event::Broken(_) => over = true,
            Event::Stream(_)
            | Event::Up { .. }
            | Event::Refused(_)
            | Event::Moved(_)
            | Event::Unreachable
            | Event::Keepalive(_)
            | Event::Heard => {}
        }
    }
    over
}

fn read(now: Time, link: &mut Link, id: StreamId) {
    let all = link.streams().read_with(now, id, |slices| Ok::<_, Infallible>(slices.map(<[u8]>::len).sum()));
    all.unwrap_or_else(|never| match never {});
    if link.streams().is_read_to_end(id) {
        link.streams().finish(now, id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_nothing_is_lost_links_come_up_and_carry_bytes() {
        let mut model = Model::new();
        for at in 0..3 {
            model.open(at);
            model.write(at, 0, 10_000);
            model.deliver(100);
            model.pass(Duration::from_millis(10));
            model.deliver(100);
        }
        let heard = model.links.values_mut().map(|link| link.streams().stream_count()).sum::<usize>();
        assert_eq!((model.links.len(), heard), (PLACES, 3));
        assert!(model.budget.used() > 0);
        model.wind_up();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn anything_goes(bytes in prop::collection::vec(any::<u8>(), 0..900)) {
            run_endpoint(&bytes);
        }
    }
}
