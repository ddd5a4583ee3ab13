//! A host that is a proxy2: the table of links, and the links.

use super::clock::{random, unix};
use super::host::Host;
use super::link_end::{Application, BATCH, serve, transmit};
use super::pair::START;
use super::setup::Setup;
use crate::sealed::endpoint::{DatagramEvent, Endpoint, LinkKey};
use crate::sealed::handshake::terms::Epoch;
use crate::sealed::link::{FourTuple, Link};
use crate::sealed::wire::ecn::Ecn;
use crate::time::Time;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What randomness is for: links, each another.
const LINKS: u64 = 1 << 32;

/// A proxy2 without sockets. One application uses all its links.
#[derive(Debug)]
pub struct Server<A> {
    /// The keys and settings that it was made of.
    pub setup: Setup,
    /// Its table.
    pub endpoint: Endpoint,
    /// Its links, by their names in the table.
    pub links: BTreeMap<LinkKey, Link>,
    /// What uses them.
    pub app: A,
    /// Datagrams that the table dropped.
    pub dropped: u64,
    /// Initiations that were refused.
    pub refused: u32,
    /// Sessions for a link that did not want them any more.
    pub unwanted: u32,
    /// Indices that links gave back.
    pub retired: u32,
    /// Links that were made.
    pub made: u64,
    replies: Vec<(SocketAddr, Vec<u8>)>,
    room: Vec<u8>,
}

impl<A> Server<A> {
    /// A process that begins when the simulation does.
    pub fn new(setup: Setup, app: A) -> Self {
        Self {
            endpoint: setup.endpoint(START, Epoch(1)),
            setup,
            links: BTreeMap::new(),
            app,
            dropped: 0,
            refused: 0,
            unwanted: 0,
            retired: 0,
            made: 0,
            replies: Vec::new(),
            room: vec![0; BATCH],
        }
    }

    /// It is killed, and started again as the process `epoch`.
    pub fn restart(&mut self, now: Time, epoch: Epoch) {
        self.endpoint = self.setup.endpoint(now, epoch);
        self.links.clear();
        self.replies.clear();
    }

    /// Forgets a link without a word.
    pub fn forget(&mut self, key: LinkKey) {
        self.endpoint.remove(key);
        self.links.remove(&key);
    }
}

impl<A: Application> Server<A> {
    /// What comes of a datagram: perhaps a response.
    fn respond(&mut self, now: Time, from: SocketAddr, ecn: Ecn, datagram: &mut [u8]) -> Option<Vec<u8>> {
        match self.endpoint.handle(now, unix(now), from, datagram) {
            // There is none before it in a simulation of one process.
            DatagramEvent::Drop(_) | DatagramEvent::Predecessor => self.dropped += 1,
            DatagramEvent::Full { ask } => self.with(ask, |link| link.vacate(now)),
            DatagramEvent::Reply { bytes, refused } => {
                self.refused += u32::from(refused.is_some());
                return Some(bytes);
            }
            DatagramEvent::Link(key) => self.take_in(now, key, from, ecn, datagram),
            DatagramEvent::Session { link, session, response } => {
                let taken = self.links.get_mut(&link).is_some_and(|link| link.add_session(now, *session));
                self.unwanted += u32::from(!taken);
                return taken.then_some(response);
            }
            DatagramEvent::New { link: key, client, session, limits, rival, former: _, response } => {
                self.made += 1;
                let random = random(self.setup.seed, LINKS + self.made);
                let link = Link::server(now, from, *session, limits, self.setup.settings, random);
                let link = self.app.adopt(&client, link);
                self.links.insert(key, link);
                if let Some(rival) = rival {
                    self.with(rival, |link| link.check_liveness(now));
                }
                return Some(response);
            }
        }
        None
    }

    fn with(&mut self, key: LinkKey, change: impl FnOnce(&mut Link)) {
        if let Some(link) = self.links.get_mut(&key) {
            change(link);
        }
    }

    fn take_in(&mut self, now: Time, key: LinkKey, from: SocketAddr, ecn: Ecn, datagram: &mut [u8]) {
        let Some(link) = self.links.get_mut(&key) else { return };
        let before = link.heard_at();
        link.handle_marked(now, from, ecn, datagram);
        if link.heard_at() > before {
            self.endpoint.heard(now, key, link.peer());
        }
        if link.has_ended() {
            self.endpoint.end(key);
        }
    }
}

impl<A: Application> Host for Server<A> {
    /// # Panics
    /// If a response is larger than what it answers: then the server would lend its bandwidth to whoever forges addresses.
    fn handle(&mut self, now: Time, from: SocketAddr, ecn: Ecn, datagram: &mut [u8]) {
        if let Some(response) = self.respond(now, from, ecn, datagram) {
            assert!(response.len() <= datagram.len(), "a response is never larger than the initiation");
            self.replies.push((from, response));
        }
    }

    fn drive(&mut self, now: Time, send: &mut dyn FnMut(FourTuple, Ecn, &[u8])) {
        for (to, response) in self.replies.drain(..) {
            send(to.into(), Ecn::NotCapable, &response);
        }
        let mut over = Vec::new();
        for (key, link) in &mut self.links {
            link.handle_timeout(now);
            if link.has_ended() {
                self.endpoint.end(*key);
            }
            if serve(now, link, &mut self.app) {
                over.push(*key);
            }
            transmit(now, link, &mut self.room, send);
            while let Some(index) = link.poll_retired() {
                self.endpoint.retire(index);
                self.retired += 1;
            }
        }
        over.into_iter().for_each(|key| self.forget(key));
    }

    fn poll_timeout(&self, now: Time) -> Time {
        let links = self.links.values().map(|link| link.poll_timeout(now)).min().unwrap_or(Time::NEVER);
        if self.replies.is_empty() { links } else { now }
    }
}
