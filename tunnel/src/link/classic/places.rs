//! Where the peer of each stream is, while its name may have several addresses.

use std::net::SocketAddr;

use proto::classic::{Stream, StreamId};

/// For each id the addresses that its stream has to do with.
#[derive(Debug, Default)]
pub(super) struct StreamPeers([StreamPeer; StreamId::COUNT]);

#[derive(Debug, Default)]
struct StreamPeer {
    /// The last stream.
    stream: Option<Stream>,
    /// The address that answered. The stream stays there when a later one tries another address.
    home: Option<SocketAddr>,
    /// The others to which its `C` was sent. A second proxy2 may have a stream there.
    others: Vec<SocketAddr>,
}

/// What a datagram is, by where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The stream's proxy2, or one that may become it.
    Home,
    /// An address that was asked too, when another one has answered.
    Late,
    /// Another address of the peer, or one of several that are asked and no answer: it may not be the one that answers.
    Elsewhere,
    /// Not the peer.
    Stranger,
}

impl StreamPeers {
    /// A stream begins that nobody was asked for yet.
    pub(super) fn begin(&mut self, stream: Stream) {
        *self.place_mut(stream.id()) = StreamPeer { stream: Some(stream), ..StreamPeer::default() };
    }

    /// The streams that have no home.
    pub(super) fn homeless(&self) -> impl Iterator<Item = Stream> {
        self.0.iter().filter(|place| place.home.is_none()).filter_map(|place| place.stream)
    }

    /// The address that answered for this id.
    pub(super) fn home(&self, id: StreamId) -> Option<SocketAddr> {
        self.place(id).home
    }

    /// The stream's `C` is sent to `address`; whether for the first time.
    pub(super) fn ask(&mut self, id: StreamId, address: SocketAddr) -> bool {
        let others = &mut self.place_mut(id).others;
        let is_new = !others.contains(&address);
        if is_new {
            others.push(address);
        }
        is_new
    }

    /// Every address that was asked and has not answered.
    pub(super) fn others(&self, id: StreamId) -> &[SocketAddr] {
        &self.place(id).others
    }

    /// The answer came from `home`.
    pub(super) fn settle(&mut self, id: StreamId, home: SocketAddr) {
        let place = self.place_mut(id);
        place.home = Some(home);
        place.others.retain(|other| *other != home);
    }

    /// The stream is over: the addresses that may still have one.
    pub(super) fn release(&mut self, id: StreamId) -> Vec<SocketAddr> {
        std::mem::take(&mut self.place_mut(id).others)
    }

    /// What a datagram with this id from `from` is. `known`: it is an address of the peer. `is_answer`: it may be one.
    pub(super) fn origin(&self, id: StreamId, from: SocketAddr, known: bool, is_answer: bool) -> Origin {
        let place = self.place(id);
        let was_asked = place.others.contains(&from);
        match place.home {
            Some(home) if home == from => Origin::Home,
            Some(_) if was_asked => Origin::Late,
            Some(_) if known => Origin::Elsewhere,
            None if place.others.len() > 1 && was_asked && !is_answer => Origin::Elsewhere,
            None if known || was_asked => Origin::Home,
            Some(_) | None => Origin::Stranger,
        }
    }

    fn place(&self, id: StreamId) -> &StreamPeer {
        self.0.get(usize::from(id.number())).expect("there is a place for each id")
    }

    fn place_mut(&mut self, id: StreamId) -> &mut StreamPeer {
        self.0.get_mut(usize::from(id.number())).expect("there is a place for each id")
    }
}
