//! How another process takes over the socket of this one, while the links that are here stay.
//!
//! The process before gives what [`Endpoint::hand_over`] returns; the one that follows takes it with [`Endpoint::take_over`]. From then on
//! only the second reads the socket: it makes all new links, and gives the first what is for its links
//! ([`DatagramEvent::Predecessor`]), where initiations are judged no second time ([`Endpoint::handle_passed`]). What of the two reads the
//! socket shows in no packet: the links of the first keep its epoch, those of the second have another.

use std::collections::{BTreeMap, HashSet};

use super::{DatagramEvent, Dropped, Endpoint, LinkKey};
use crate::Time;
use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::endpoint::lane::Lane;
pub use crate::sealed::handshake::replay_guard::TakenStamp;
use crate::sealed::handshake::terms::{Instance, LinkId, UnixMicros};

/// A link's name among those of all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkName {
    /// Whose it is.
    pub client: PublicKey,
    /// What that calls it.
    pub id: LinkId,
}

/// An index of a link that stays at the process before: the one that sorts the datagrams passes on none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexChange {
    /// Which.
    pub index: u32,
    /// Whether it names a link from now on, or none any more.
    pub is_used: bool,
}

/// What a process leaves to the one that takes over its socket.
#[derive(Debug)]
pub struct Estate {
    /// The half of the indices that its links have.
    pub lane: Lane,
    /// Its links, which stay where they are.
    pub links: Vec<(LinkName, Instance)>,
    /// The indices of those.
    pub indices: Vec<u32>,
    /// What was taken of initiations: they are good for one time only, whichever process they reach.
    pub stamps: Vec<TakenStamp>,
}

/// The process whose socket this one took over, for as long as it lives.
#[derive(Debug)]
pub(super) struct Predecessor {
    /// Anybody may send what is for none of them: it must not take the place of what is.
    indices: HashSet<u32>,
    links: BTreeMap<LinkName, Instance>,
    by_instance: BTreeMap<(PublicKey, Instance), LinkName>,
}

impl Predecessor {
    /// Whether a data packet with this index is for a link of it.
    pub(super) fn uses(&self, index: u32) -> bool {
        self.indices.contains(&index)
    }

    /// Whether the link is one of its.
    pub(super) fn has(&self, client: PublicKey, id: LinkId) -> bool {
        self.links.contains_key(&LinkName { client, id })
    }

    /// Its link that seems to be of the process before this client's.
    pub(super) fn rival(&self, client: PublicKey, instance: Instance) -> Option<LinkName> {
        self.by_instance.get(&(client, instance)).copied()
    }
}

impl Endpoint {
    /// What another process needs to take over the socket of this one. From now on there are no new links here: an initiation for one is
    /// dropped.
    pub fn hand_over(&mut self, unix: UnixMicros) -> Estate {
        self.is_succeeded = true;
        let name = |entry: &super::LinkEntry| LinkName { client: entry.client, id: entry.id };
        let links = self.entries.iter().filter(|(_, entry)| !entry.ended);
        let links = links.map(|(_, entry)| (name(entry), entry.instance)).collect();
        self.index_changes.clear();
        let indices = self.by_index.keys().copied().collect();
        Estate { lane: self.lane, links, indices, stamps: self.responder.taken_stamps(unix) }
    }

    /// Follows another process, before any link is made here.
    pub fn take_over(&mut self, estate: Estate) {
        let Estate { lane, links, indices, stamps } = estate;
        self.lane = lane.other();
        self.responder.take_stamps(stamps);
        let by_instance = links.iter().map(|(name, instance)| ((name.client, *instance), *name)).collect();
        let (links, indices) = (links.into_iter().collect(), indices.into_iter().collect());
        self.predecessor = Some(Predecessor { indices, links, by_instance });
    }

    /// What has changed in the indices here since it was last asked, for the process that follows.
    pub fn index_changes(&mut self) -> Vec<IndexChange> {
        std::mem::take(&mut self.index_changes)
    }

    /// An index at the process before.
    pub fn predecessor_index(&mut self, IndexChange { index, is_used }: IndexChange) {
        let Some(predecessor) = &mut self.predecessor else { return };
        if is_used {
            predecessor.indices.insert(index);
        } else {
            predecessor.indices.remove(&index);
        }
    }

    /// A link of the process before has ended: its id names another from now on, if it names one.
    pub fn predecessor_ended(&mut self, link: LinkName) {
        let Some(predecessor) = &mut self.predecessor else { return };
        let Some(instance) = predecessor.links.remove(&link) else { return };
        let instance = (link.client, instance);
        if predecessor.by_instance.get(&instance) == Some(&link) {
            predecessor.by_instance.remove(&instance);
        }
    }

    /// The process before is gone, with all its links: their clients are told when they ask for keys.
    pub fn predecessor_gone(&mut self) {
        self.predecessor = None;
    }

    /// How many links the process before still has.
    pub fn predecessor_links(&self) -> usize {
        self.predecessor.as_ref().map_or(0, |predecessor| predecessor.links.len())
    }

    /// The name of a link, unless it has ended: then it may be another's.
    pub fn name_of(&self, link: LinkKey) -> Option<LinkName> {
        let entry = self.entries.get(link.0).filter(|entry| !entry.ended)?;
        Some(LinkName { client: entry.client, id: entry.id })
    }

    /// The link with this name.
    pub fn find(&self, link: LinkName) -> Option<LinkKey> {
        self.by_name.get(&(link.client, link.id)).copied()
    }

    /// Decides on a datagram that the process that follows has passed on: an initiation that it has judged, or a data packet. It
    /// is for a link here, or for none.
    pub fn handle_passed(&mut self, now: Time, unix: UnixMicros, datagram: &[u8]) -> DatagramEvent {
        use crate::sealed::wire::packet::Outer;
        match Outer::parse(datagram) {
            Some(Outer::Data(header)) => self.route(header),
            Some(Outer::Initiation) => match self.responder.handle_passed(unix, datagram) {
                Ok(request) if self.by_name.contains_key(&(request.client(), request.link())) => {
                    self.admit(now, request)
                }
                Ok(_) => DatagramEvent::Drop(Dropped::Stray),
                Err(why) => DatagramEvent::Drop(Dropped::Handshake(why)),
            },
            Some(Outer::Response | Outer::Cookie) | None => DatagramEvent::Drop(Dropped::Malformed),
        }
    }
}

#[cfg(test)]
mod tests;
