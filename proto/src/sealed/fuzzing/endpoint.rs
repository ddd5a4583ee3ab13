//! A whole proxy2 without sockets, clients with their links, and a network that copies, flips, redirects and withholds
//! datagrams: what nobody may break, whatever comes in whatever order.
//!
//! Checked: nothing panics; replies are no larger than initiations; there are no more links than places; what is held
//! and promised is what was counted, and together, of all links and of each ticket's, no more than the budget and what
//! each link has whatever others hold; and when the clients have left, the links are gone within their deadlines, with
//! all memory.

mod parts;

use crate::sealed::endpoint::LinkKey;
use crate::sealed::handshake::terms::{Instance, LinkId};
use crate::sealed::link::{Link, Settings};
use crate::sealed::streams::budget::{Budget, FLOOR};
use crate::sealed::transport;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::end_code::EndCode;
use crate::sealed::wire::frame::ResetCode;
use crate::sim::{Host, LinkEnd, Server, Setup};
use crate::ticket::Ticket;
use crate::time::Time;
use parts::{Clients, FuzzClient, OnTheWire, OpenStreams, Owner};
use std::collections::VecDeque;
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

struct EndpointModel {
    now: Time,
    server: Server<Owner>,
    budget: Budget,
    /// Links that proxy2 ends: over when the packet that says so has left.
    closing: Vec<LinkKey>,
    tickets: Vec<Ticket>,
    clients: Clients,
    wire: VecDeque<OnTheWire>,
    seen: VecDeque<OnTheWire>,
    links_made: u64,
}

/// Runs the operations that `bytes` spell, three bytes each.
///
/// # Panics
/// If proxy2 does not do what it must.
pub fn run_endpoint(bytes: &[u8]) {
    let mut model = EndpointModel::new();
    for operation in bytes.chunks_exact(3) {
        model.operate(operation[0], usize::from(operation[1]), operation[2]);
        model.check();
    }
    model.wind_up();
}

impl EndpointModel {
    fn new() -> Self {
        let transport =
            transport::Settings { memory: MEMORY / 4, max_streams: 20, ..transport::Settings::default() };
        let settings = Settings { transport, ..Settings::default() };
        let setup = Setup { places: PLACES, handshakes_per_second: 50, ..Setup::new(1, settings) };
        let others = (1..TICKETS).map(|at| setup.another_ticket(at as u64));
        let tickets: Vec<_> = std::iter::once(setup.ticket.clone()).chain(others).collect();
        let budget = Budget::new(MEMORY);
        let owner = Owner::new(tickets.iter().map(|ticket| (ticket.client(), budget.part())));
        let mut server = Server::new(setup, owner);
        tickets.iter().for_each(|ticket| server.endpoint.allow(ticket.client(), None));
        let mut model = Self {
            now: Time::ZERO + Duration::from_secs(1),
            server,
            budget,
            closing: Vec::new(),
            tickets,
            clients: Clients::default(),
            wire: VecDeque::new(),
            seen: VecDeque::new(),
            links_made: 0,
        };
        for at in 0..TICKETS * CLIENTS {
            let client = model.client(at);
            model.clients.0.push(client);
        }
        model
    }

    /// A new process of client `at`.
    fn client(&mut self, at: usize) -> FuzzClient {
        self.links_made += 1;
        let (ticket, setup) = (at % TICKETS, &self.server.setup);
        let names = (LinkId(self.links_made), Instance(at as u64));
        let link = setup.client_with(&self.tickets[ticket], self.now, parts::SERVER, names.0, names.1);
        FuzzClient {
            end: LinkEnd::new(link, OpenStreams::default()),
            at: parts::address(self.links_made),
            ticket,
        }
    }

    fn operate(&mut self, kind: u8, which: usize, amount: u8) {
        let at = which % self.clients.0.len();
        match kind % 16 {
            0 => self.open(at),
            1 | 2 => self.write(at, which, usize::from(amount) * 256),
            3 => self.finish(at, which, amount),
            4..=6 => self.deliver(usize::from(amount)),
            7 => drop(self.wire.pop_front()),
            8 => self.replay(which, amount, None),
            9 => self.replay(which, amount, Some(amount)),
            10 => self.clients.0[at].at.set_port(2_000 + u16::from(amount)),
            11 => self.pass(Duration::from_millis(u64::from(amount) * 4)),
            12 => self.pass(Duration::from_secs(u64::from(amount))),
            13 => self.change_ticket(at, amount),
            14 => self.end(at, amount),
            _ => self.clients.0[at] = self.client(at),
        }
    }

    fn open(&mut self, at: usize) {
        let LinkEnd { link, app, .. } = &mut self.clients.0[at].end;
        app.0.extend(link.streams().open(b"a:1"));
        self.drive();
    }

    fn write(&mut self, at: usize, which: usize, length: usize) {
        let LinkEnd { link, app, .. } = &mut self.clients.0[at].end;
        let Some(id) = app.0.get(which / 16 % app.0.len().max(1)).copied() else { return };
        let length = link.streams().poll_room(self.now, id).min(length);
        link.streams().write(self.now, id, &vec![7; length]);
        self.drive();
    }

    fn finish(&mut self, at: usize, which: usize, amount: u8) {
        let (now, LinkEnd { link, app, .. }) = (self.now, &mut self.clients.0[at].end);
        if app.0.is_empty() {
            return;
        }
        let id = app.0.swap_remove(which / 16 % app.0.len());
        match amount % 2 {
            0 => link.streams().finish(now, id),
            _ => link.streams().reset(now, id, ResetCode::Reset),
        }
        self.drive();
    }

    /// A ticket is revoked, or allowed again.
    fn change_ticket(&mut self, at: usize, amount: u8) {
        let ticket = self.tickets[self.clients.0[at].ticket].client();
        if !amount.is_multiple_of(4) {
            return self.server.endpoint.allow(ticket, None);
        }
        for key in self.server.endpoint.revoke(ticket) {
            self.close(key, EndCode::Revoked);
        }
        self.drive();
    }

    fn end(&mut self, at: usize, amount: u8) {
        match self.server.links.keys().nth(at).copied() {
            Some(key) if amount.is_multiple_of(3) => self.close(key, EndCode::Shutdown),
            _ => self.clients.0[at].end.link.close(EndCode::Shutdown),
        }
        self.drive();
    }

    fn close(&mut self, key: LinkKey, code: EndCode) {
        if let Some(link) = self.server.links.get_mut(&key) {
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
        if amount.is_multiple_of(2) && datagram.to == parts::SERVER {
            datagram.from = self.clients.0[usize::from(amount) % self.clients.0.len()].at;
        }
        self.arrive(datagram);
        self.drive();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.drive();
    }

    fn arrive(&mut self, mut datagram: OnTheWire) {
        if datagram.to != parts::SERVER {
            return self.clients.handle(self.now, &mut datagram);
        }
        self.server.handle(self.now, datagram.from, Ecn::NotCapable, &mut datagram.bytes);
        assert_eq!(self.server.unwanted, 0, "keys for a link that has ended");
    }

    /// Timers, events and datagrams of all.
    fn drive(&mut self) {
        let (now, wire) = (self.now, &mut self.wire);
        self.clients.drive(now, wire);
        self.server.drive(now, &mut |over, _, bytes| {
            wire.push_back(OnTheWire { from: parts::SERVER, to: over.remote, bytes: bytes.to_vec() });
        });
        for key in self.closing.drain(..) {
            self.server.forget(key);
        }
    }

    fn check(&mut self) {
        let links = &mut self.server.links;
        assert!(self.server.endpoint.len() <= PLACES && links.len() <= PLACES + 1, "more links than places");
        for link in links.values_mut() {
            link.streams().check_accounts();
        }
        let of_each = self.server.setup.settings.transport.first_credit() + 2 * FLOOR;
        let beyond = of_each * links.len() as u64;
        let parts = self.server.app.budgets().map(|part| (part, MEMORY / 2));
        for (budget, limit) in parts.chain([(&self.budget, MEMORY)]) {
            let used = budget.used();
            assert!(used <= limit + beyond, "{used} bytes of a budget of {limit}");
            if links.is_empty() {
                assert_eq!(used, 0, "nobody holds anything");
            }
        }
    }

    /// All clients are gone, and the network brings the rest.
    fn wind_up(&mut self) {
        self.deliver(10_000);
        self.clients.0.clear();
        let end = self.now + DEADLINE;
        while self.now < end && !self.server.links.is_empty() {
            self.wire.clear();
            let next = self.server.poll_timeout(self.now).min(end).max(self.now + Duration::from_millis(1));
            self.now = next.min(self.now + Duration::from_secs(60));
            self.server.links.values_mut().for_each(|link: &mut Link| link.vacate(self.now));
            self.drive();
        }
        assert!(
            self.server.links.is_empty() && self.server.endpoint.is_empty(),
            "links outlive their clients"
        );
        self.check();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_nothing_is_lost_links_come_up_and_carry_bytes() {
        let mut model = EndpointModel::new();
        for at in 0..3 {
            model.open(at);
            model.write(at, 0, 10_000);
            model.deliver(100);
            model.pass(Duration::from_millis(10));
            model.deliver(100);
        }
        let heard = model.server.links.values_mut().map(|link| link.streams().stream_count()).sum::<usize>();
        assert_eq!((model.server.links.len(), heard), (PLACES, 3));
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
