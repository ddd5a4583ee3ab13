//! proxy2's table: which datagram belongs to which link, and who may have a new one.
//!
//! A [`Hub`] answers handshakes and names the link that a datagram is for; the links themselves live elsewhere, each
//! where it likes. Give it every datagram that arrives ([`Hub::handle`]; for data packets only the header is looked
//! at), tell it the indices that links retire and the links that end.

use super::acceptor::{self, Acceptor, Verdict};
use super::cipher::Session;
use super::handshake::{Instance, Limits, LinkId, Refusal, UnixMicros};
use super::keys::{PresharedKey, PublicKey};
use super::packet::{Header, Kind};
use super::random::Random;
use super::request::Request;
use crate::time::Time;
use slab::Slab;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

/// Names a link in this process, for as long as it lives; may be used again afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkKey(usize);

/// What to do with a datagram.
#[derive(Debug)]
pub enum Route {
    /// Nothing.
    Drop(Dropped),
    /// Send these bytes back to where it came from. `refused` tells whose handshake was refused, and why.
    Answer {
        /// The bytes.
        bytes: Vec<u8>,
        /// The client and the reason, where it was refused.
        refused: Option<(PublicKey, Refusal)>,
        /// An older link of the same client, machine and listen address, which may have the place that this one needs:
        /// ask it whether it lives.
        rival: Option<LinkKey>,
    },
    /// It is for this link.
    Link(LinkKey),
    /// A link gets further keys: send the answer, give it the session.
    Session {
        /// The link.
        link: LinkKey,
        /// Its keys.
        session: Box<Session>,
        /// The bytes to send back.
        answer: Vec<u8>,
    },
    /// There is a new link: send the answer, make the link. It has shown no sign of life yet: forget it unless its
    /// first packet comes within seconds.
    New {
        /// Its name.
        link: LinkKey,
        /// Whose it is.
        client: PublicKey,
        /// Its keys.
        session: Box<Session>,
        /// What the client takes.
        limits: Limits,
        /// An older link of the same client, machine and listen address: ask it whether it lives.
        rival: Option<LinkKey>,
        /// The bytes to send back.
        answer: Vec<u8>,
    },
}

/// Why a datagram was dropped without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Not the form of any packet.
    Malformed,
    /// A data packet for no link here.
    Stray,
    /// A handshake that must not be answered.
    Handshake(acceptor::Dropped),
}

#[derive(Debug)]
struct Entry {
    client: PublicKey,
    id: LinkId,
    instance: Instance,
    /// Whether its client has answered with a packet, and so may have streams on it. The packet may be forged, but only
    /// by who sees the link's datagrams and could as well suppress them.
    used: bool,
}

/// The table.
#[derive(Debug)]
pub struct Hub {
    acceptor: Acceptor,
    limits: Limits,
    max_links: usize,
    entries: Slab<Entry>,
    by_name: BTreeMap<(PublicKey, LinkId), LinkKey>,
    by_instance: BTreeMap<(PublicKey, Instance), LinkKey>,
    /// Only looked up, never walked: its order does not matter.
    by_index: HashMap<u32, LinkKey>,
    random: Random,
}

impl Hub {
    /// A table without links. `limits`: what each link tells its client; `max_links`: links at a time, 1 or more.
    pub fn new(acceptor: Acceptor, limits: Limits, max_links: usize, random: Random) -> Self {
        Self {
            acceptor,
            limits,
            max_links,
            entries: Slab::new(),
            by_name: BTreeMap::new(),
            by_instance: BTreeMap::new(),
            by_index: HashMap::new(),
            random,
        }
    }

    /// This proxy2's public key.
    pub fn public_key(&self) -> &PublicKey {
        self.acceptor.public_key()
    }

    /// Links at present.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no link.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lets a client in from now on.
    pub fn allow(&mut self, client: PublicKey, psk: Option<PresharedKey>) {
        self.acceptor.allow(client, psk);
    }

    /// Lets a client in no more, and returns its links, which must end.
    pub fn revoke(&mut self, client: PublicKey) -> Vec<LinkKey> {
        self.acceptor.revoke(client);
        self.by_name.range((client, LinkId(0))..=(client, LinkId(u64::MAX))).map(|(_, key)| *key).collect()
    }

    /// A link is over.
    pub fn remove(&mut self, link: LinkKey) {
        let Some(entry) = self.entries.try_remove(link.0) else { return };
        self.by_name.remove(&(entry.client, entry.id));
        if self.by_instance.get(&(entry.client, entry.instance)) == Some(&link) {
            self.by_instance.remove(&(entry.client, entry.instance));
        }
        self.by_index.retain(|_, key| *key != link);
    }

    /// An index that a link does not use any more.
    pub fn retire(&mut self, index: u32) {
        self.by_index.remove(&index);
    }

    /// Decides on one datagram. `unix`: the wall clock.
    pub fn handle(&mut self, now: Time, unix: UnixMicros, from: SocketAddr, datagram: &[u8]) -> Route {
        match Kind::of(datagram) {
            Some(Kind::Data) => self.route(datagram),
            Some(Kind::Hello) => self.greet(now, unix, from, datagram),
            Some(Kind::Answer | Kind::Cookie) | None => Route::Drop(Dropped::Malformed),
        }
    }

    fn route(&mut self, datagram: &[u8]) -> Route {
        let Some(header) = Header::parse(datagram) else { return Route::Drop(Dropped::Malformed) };
        let Some(&link) = self.by_index.get(&header.receiver) else { return Route::Drop(Dropped::Stray) };
        if let Some(entry) = self.entries.get_mut(link.0) {
            entry.used = true;
        }
        Route::Link(link)
    }

    fn greet(&mut self, now: Time, unix: UnixMicros, from: SocketAddr, datagram: &[u8]) -> Route {
        let verdict = match from.ip().to_canonical() {
            IpAddr::V4(ip) => self.acceptor.handle(now, unix, &ip.octets(), datagram),
            IpAddr::V6(ip) => self.acceptor.handle(now, unix, &ip.octets(), datagram),
        };
        match verdict {
            Verdict::Drop(why) => Route::Drop(Dropped::Handshake(why)),
            Verdict::Cookie(bytes) => Route::Answer { bytes, refused: None, rival: None },
            Verdict::Refused { client, why, answer } => {
                Route::Answer { bytes: answer, refused: Some((client, why)), rival: None }
            }
            Verdict::Request(request) => self.admit(*request),
        }
    }

    fn admit(&mut self, request: Request) -> Route {
        let (client, id, instance, limits) =
            (request.client(), request.link(), request.instance(), request.limits());
        let known = self.by_name.get(&(client, id)).copied();
        if known.is_none() && self.entries.len() >= self.max_links {
            let why = Refusal::TooManyLinks;
            let rival = self.by_instance.get(&(client, instance)).copied();
            return Route::Answer { bytes: request.refuse(why), refused: Some((client, why)), rival };
        }
        let index = self.free_index();
        // A link whose first answer was lost has nothing yet that the client could go on with.
        let used = known.and_then(|link| self.entries.get(link.0)).is_some_and(|entry| entry.used);
        let (answer, session) = request.accept(index, used, self.limits);
        let session = Box::new(session);
        if let Some(link) = known {
            self.by_index.insert(index, link);
            return Route::Session { link, session, answer };
        }
        let link = LinkKey(self.entries.insert(Entry { client, id, instance, used: false }));
        self.by_index.insert(index, link);
        self.by_name.insert((client, id), link);
        let rival = self.by_instance.insert((client, instance), link);
        Route::New { link, client, session, limits, rival, answer }
    }

    fn free_index(&mut self) -> u32 {
        loop {
            let index = self.random.u32();
            if !self.by_index.contains_key(&index) {
                return index;
            }
        }
    }
}
