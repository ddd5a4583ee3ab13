//! proxy2's table: which datagram belongs to which link, and who may have a new one.
//!
//! An [`Endpoint`] answers handshakes and names the link that a datagram is for; the links themselves live elsewhere, each
//! where it likes. Give it every datagram that arrives ([`Endpoint::handle`]; for data packets only the header is looked
//! at), tell it which links are heard ([`Endpoint::heard`]), the indices that links retire and the links that end.

pub mod handover;
pub mod lane;

use self::handover::{IndexChange, LinkName, Predecessor};
use self::lane::Lane;
use crate::check;
use crate::classic::frame;
use crate::sealed::crypto::cipher::SessionKeys;
use crate::sealed::crypto::keys::{PresharedKey, PublicKey};
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::pending::Request;
use crate::sealed::handshake::responder::{self, Responder, Verdict};
use crate::sealed::handshake::terms::{Incarnation, Instance, Limits, LinkId, Refusal, UnixMicros};
use crate::sealed::wire::packet::{Header, Outer};
use crate::time::Time;
use slab::Slab;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

/// Names a link in this process, for as long as it lives; may be used again afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkKey(usize);

/// What to do with a datagram.
#[derive(Debug)]
pub enum DatagramEvent {
    /// Nothing.
    Drop(Dropped),
    /// Send these bytes back to where it came from. `refused` tells whose handshake was refused, and why.
    Reply {
        /// The bytes.
        bytes: Vec<u8>,
        /// The client and the reason, where it was refused.
        refused: Option<(PublicKey, Refusal)>,
    },
    /// It is for this link.
    Link(LinkKey),
    /// It is for a link of the process before this one, which is to [take](Endpoint::handle_passed) it.
    Predecessor,
    /// A link gets further keys: give it the session, and if it takes it ([`Link::add_session`](crate::sealed::link::Link::add_session)),
    /// send the response. Packets that came before this must reach the link first: they may end it.
    Session {
        /// The link.
        link: LinkKey,
        /// Its keys.
        session: Box<SessionKeys>,
        /// The bytes to send back.
        response: Vec<u8>,
    },
    /// All places are taken, but this link has been silent for long: ask it whether it lives, and send nothing. The
    /// client asks again.
    Full {
        /// The link.
        ask: LinkKey,
    },
    /// There is a new link: send the response, make the link. It has shown no sign of life yet: forget it unless its
    /// first packet comes within seconds.
    New {
        /// Its name.
        link: LinkKey,
        /// Whose it is.
        client: PublicKey,
        /// Its keys.
        session: Box<SessionKeys>,
        /// What the client takes.
        limits: Limits,
        /// An older link of the same client, machine and listen address: ask it whether it lives.
        rival: Option<LinkKey>,
        /// The same at the process before this one.
        former: Option<LinkName>,
        /// The bytes to send back.
        response: Vec<u8>,
    },
}

/// Why a datagram was dropped without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Not the form of any packet.
    Malformed,
    /// The form of a datagram of the classic link: its sender speaks that one.
    Classic,
    /// A data packet for no link here.
    Stray,
    /// A handshake that must not be answered.
    Handshake(responder::DroppedInitiation),
}

#[derive(Debug)]
struct LinkEntry {
    client: PublicKey,
    id: LinkId,
    instance: Instance,
    incarnation: Incarnation,
    /// Whether an authentic packet of it came.
    used: bool,
    /// Its id names another link from now on, if it names one.
    ended: bool,
    /// When one last came, as far as was told; or the link was made, or asked whether it lives.
    seen: Time,
    /// Where its peer was then, which the responder knows.
    at: Option<SocketAddr>,
}

/// Silence after which a link is asked whether it lives when its place is wanted: three keepalives of a client.
const SILENT: Duration = Duration::from_secs(60);

/// The same where the client that wants the place seems to be the next process of the link's client.
const SILENT_RIVAL: Duration = Duration::from_secs(1);

/// The share of the places, as its divisor, that is for clients without a link.
const RESERVE: usize = 4;

/// How many incarnations that took nothing are remembered. Each cost its client an initiation that was good.
const UNUSED: usize = 1_024;

/// The table.
#[derive(Debug)]
pub struct Endpoint {
    responder: Responder,
    limits: Limits,
    max_links: usize,
    /// How many links were made; the incarnation of the last.
    incarnations: Incarnation,
    /// Incarnations that took nothing and are over: their clients' streams need not go with them.
    unused: BTreeMap<(PublicKey, LinkId), Incarnation>,
    entries: Slab<LinkEntry>,
    by_name: BTreeMap<(PublicKey, LinkId), LinkKey>,
    by_instance: BTreeMap<(PublicKey, Instance), LinkKey>,
    /// Only looked up, never walked: its order does not matter.
    by_index: HashMap<u32, LinkKey>,
    /// Where its indices are from.
    lane: Lane,
    /// Whose socket this is, if another process still has links on it.
    predecessor: Option<Predecessor>,
    /// Another process makes the new links.
    is_succeeded: bool,
    /// What that one has not been told of the indices here.
    index_changes: Vec<IndexChange>,
    random: Random,
}

impl Endpoint {
    /// A table without links. `limits`: what each link tells its client; `max_links`: links at a time, 1 or more.
    pub fn new(responder: Responder, limits: Limits, max_links: usize, random: Random) -> Self {
        Self {
            responder,
            limits,
            max_links,
            incarnations: Incarnation(0),
            unused: BTreeMap::new(),
            entries: Slab::new(),
            by_name: BTreeMap::new(),
            by_instance: BTreeMap::new(),
            by_index: HashMap::new(),
            lane: Lane::default(),
            predecessor: None,
            is_succeeded: false,
            index_changes: Vec::new(),
            random,
        }
    }

    /// This proxy2's public key.
    pub fn public_key(&self) -> &PublicKey {
        self.responder.public_key()
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
        self.responder.allow(client, psk);
    }

    /// Lets a client in no more and returns its links, which the caller must close.
    pub fn revoke(&mut self, client: PublicKey) -> Vec<LinkKey> {
        self.responder.revoke(client);
        // Also those that have ended, but still hold what came.
        let links = self.entries.iter().filter(|(_, entry)| entry.client == client);
        let links: Vec<_> = links.map(|(key, _)| LinkKey(key)).collect();
        links.iter().for_each(|link| self.end(*link));
        links
    }

    /// The link [has ended](crate::sealed::link::Link::has_ended), though it may not be over: it keeps its place until it is
    /// [removed](Self::remove), but its id is not its name any more. A handshake for it gets another incarnation, so that the client
    /// does not take keys for streams that are gone.
    pub fn end(&mut self, link: LinkKey) {
        let Some(entry) = self.entries.get_mut(link.0) else { return };
        if std::mem::replace(&mut entry.ended, true) {
            return;
        }
        self.by_name.remove(&(entry.client, entry.id));
        self.responder.link_is_over(entry.client, entry.id);
    }

    /// Everything about the links, to compare.
    #[cfg(test)]
    pub(crate) fn describe(&self) -> String {
        format!("{self:?} {:?}", self.entries.iter().collect::<Vec<_>>())
    }

    /// A link is over.
    pub fn remove(&mut self, link: LinkKey) {
        let Some(entry) = self.entries.try_remove(link.0) else { return };
        if !entry.ended {
            self.by_name.remove(&(entry.client, entry.id));
            self.responder.link_is_over(entry.client, entry.id);
        }
        if !entry.used && !entry.ended {
            if self.unused.len() >= UNUSED {
                self.unused.pop_first();
            }
            self.unused.insert((entry.client, entry.id), entry.incarnation);
        }
        if self.by_instance.get(&(entry.client, entry.instance)) == Some(&link) {
            self.by_instance.remove(&(entry.client, entry.instance));
        }
        let Self { by_index, index_changes, is_succeeded, .. } = self;
        by_index.retain(|index, key| {
            let stays = *key != link;
            if !stays && *is_succeeded {
                index_changes.push(IndexChange { index: *index, is_used: false });
            }
            stays
        });
    }

    /// An index that a link does not use any more.
    pub fn retire(&mut self, index: u32) {
        if self.by_index.remove(&index).is_some() && self.is_succeeded {
            self.index_changes.push(IndexChange { index, is_used: false });
        }
    }

    fn use_index(&mut self, index: u32, link: LinkKey) {
        self.by_index.insert(index, link);
        if self.is_succeeded {
            self.index_changes.push(IndexChange { index, is_used: true });
        }
    }

    /// Decides on one datagram. `unix`: the wall clock.
    pub fn handle(
        &mut self,
        now: Time,
        unix: UnixMicros,
        from: SocketAddr,
        datagram: &[u8],
    ) -> DatagramEvent {
        match Outer::parse(datagram) {
            Some(Outer::Data(header)) => self.route(header),
            Some(Outer::Initiation) => self.greet(now, unix, from, datagram),
            Some(Outer::Response | Outer::Cookie) => DatagramEvent::Drop(Dropped::Malformed),
            None => DatagramEvent::Drop(foreign(datagram)),
        }
    }

    fn links_of(&self, client: PublicKey) -> impl Iterator<Item = LinkKey> {
        self.by_name.range((client, LinkId(0))..=(client, LinkId(u64::MAX))).map(|(_, key)| *key)
    }

    /// Finds the link of a data packet by its index. The link checks that the packet is authentic ([`Endpoint::heard`]).
    fn route(&self, header: Header) -> DatagramEvent {
        if let Some(&link) = self.by_index.get(&header.receiver) {
            return DatagramEvent::Link(link);
        }
        match &self.predecessor {
            Some(predecessor) if predecessor.uses(header.receiver) => DatagramEvent::Predecessor,
            Some(_) | None => DatagramEvent::Drop(Dropped::Stray),
        }
    }

    /// An authentic packet of the link came, whose peer is `at` there, as far as is proven. Tell it of the first at once, of
    /// later ones within half of [`SILENT_RIVAL`].
    pub fn heard(&mut self, now: Time, link: LinkKey, at: SocketAddr) {
        if let Some(entry) = self.entries.get_mut(link.0) {
            (entry.used, entry.seen) = (true, entry.seen.max(now));
            if !entry.ended && entry.at.replace(at) != Some(at) {
                self.responder.link_is_at(entry.client, entry.id, at);
            }
        }
    }

    fn greet(&mut self, now: Time, unix: UnixMicros, from: SocketAddr, datagram: &[u8]) -> DatagramEvent {
        match self.responder.handle(now, unix, from, datagram) {
            Verdict::Drop(why) => DatagramEvent::Drop(Dropped::Handshake(why)),
            Verdict::Cookie(bytes) => DatagramEvent::Reply { bytes, refused: None },
            Verdict::Refused { client, why, response } => {
                DatagramEvent::Reply { bytes: response, refused: Some((client, why)) }
            }
            Verdict::Request(request) => self.admit(now, *request),
        }
    }

    fn admit(&mut self, now: Time, request: Request) -> DatagramEvent {
        let (client, id, instance, limits) =
            (request.client(), request.link(), request.instance(), request.limits());
        let known = self.by_name.get(&(client, id)).copied();
        if known.is_none() {
            if self.predecessor.as_ref().is_some_and(|predecessor| predecessor.has(client, id)) {
                return DatagramEvent::Predecessor;
            }
            if self.is_succeeded {
                return DatagramEvent::Drop(Dropped::Stray);
            }
        }
        if known.is_none() && !self.has_place_for(client) {
            if let Some(ask) = self.doubtful(now, client, instance) {
                // The next initiation asks somebody else, should this one neither answer nor go.
                if let Some(entry) = self.entries.get_mut(ask.0) {
                    entry.seen = now;
                }
                return DatagramEvent::Full { ask };
            }
            let why = Refusal::TooManyLinks;
            return DatagramEvent::Reply { bytes: request.refuse(why), refused: Some((client, why)) };
        }
        let index = self.free_index();
        let incarnation = known.and_then(|link| self.entries.get(link.0)).map(|entry| entry.incarnation);
        let incarnation = incarnation.or_else(|| self.unused.remove(&(client, id)));
        let incarnation = incarnation.unwrap_or_else(|| {
            self.incarnations.0 = self.incarnations.0.wrapping_add(1);
            self.incarnations
        });
        let (response, session) = request.accept(index, incarnation, self.limits);
        let session = Box::new(session);
        if let Some(link) = known {
            self.use_index(index, link);
            return DatagramEvent::Session { link, session, response };
        }
        let (used, ended, seen, at) = (false, false, now, None);
        let entry = LinkEntry { client, id, instance, incarnation, used, ended, seen, at };
        let link = LinkKey(self.entries.insert(entry));
        self.use_index(index, link);
        self.by_name.insert((client, id), link);
        let rival = self.by_instance.insert((client, instance), link);
        let former = self.predecessor.as_ref().and_then(|predecessor| predecessor.rival(client, instance));
        DatagramEvent::New { link, client, session, limits, rival, former, response }
    }

    /// Whether there is a place for one more link of this client. The last places are for clients that have none, so that
    /// no ticket keeps the others out.
    fn has_place_for(&self, client: PublicKey) -> bool {
        let free = self.max_links.saturating_sub(self.entries.len());
        let reserve = self.max_links / RESERVE;
        if free > reserve || self.links_of(client).next().is_none() {
            return free > 0;
        }
        let without = |client: &PublicKey| self.links_of(*client).next().is_none();
        free > self.responder.clients().filter(without).count().min(reserve)
    }

    /// The link that most probably is nobody's any more, if one may be.
    fn doubtful(&self, now: Time, client: PublicKey, instance: Instance) -> Option<LinkKey> {
        let silent = |entry: &LinkEntry, limit| now.since(entry.seen) >= limit;
        let rival = self.by_instance.get(&(client, instance));
        let rival = rival
            .filter(|link| self.entries.get(link.0).is_some_and(|entry| silent(entry, SILENT_RIVAL)))
            .copied();
        rival.or_else(|| {
            let candidates = self.entries.iter().filter(|(_, entry)| silent(entry, SILENT));
            candidates.min_by_key(|(_, entry)| entry.seen).map(|(key, _)| LinkKey(key))
        })
    }

    fn free_index(&mut self) -> u32 {
        loop {
            let index = self.lane.index(self.random.u32());
            if !self.by_index.contains_key(&index) {
                return index;
            }
        }
    }
}

/// What a datagram is that has the form of no packet. `proxy1 check` says itself what it has found out.
fn foreign(datagram: &[u8]) -> Dropped {
    let is_classic = frame::Frame::parse(datagram).is_ok() && datagram != check::CLASSIC_QUESTION;
    if is_classic { Dropped::Classic } else { Dropped::Malformed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_of_the_classic_link_is_known_and_that_of_a_check_is_not_taken_for_one() {
        for classic in [&b"C1"[..], b"C1OK", b"D9hola", b"X0"] {
            assert_eq!(foreign(classic), Dropped::Classic, "{classic:?}");
        }
        for other in [&b""[..], b"C", b"CX", b"c1", b"\x05anything", check::CLASSIC_QUESTION] {
            assert_eq!(foreign(other), Dropped::Malformed, "{other:?}");
        }
    }
}
