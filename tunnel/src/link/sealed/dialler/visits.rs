//! The streams of this end to clients of what the peer has registered: as long as the rules allow that, and as many as each may have.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::sealed::wire::frame::StreamId;

use crate::local::grant::PeerRegistration;
use crate::local::visitors::{Visitor, VisitorPlace, Visitors};
use crate::rules::Rules;

/// All of one link.
#[derive(Debug)]
pub(super) struct Visits {
    visitors: Visitors,
    open: BTreeMap<StreamId, (Arc<PeerRegistration>, VisitorPlace)>,
}

impl Visits {
    /// Of a link that may have so many streams.
    pub(super) fn new(streams: usize) -> Self {
        Self { visitors: Visitors::new(streams), open: BTreeMap::new() }
    }

    /// A place for one more client.
    pub(super) fn take(&self, visitor: Visitor) -> Option<VisitorPlace> {
        self.visitors.take(visitor)
    }

    /// The stream of a client, which keeps its place until it ends.
    pub(super) fn insert(&mut self, id: StreamId, registration: Arc<PeerRegistration>, place: VisitorPlace) {
        self.open.insert(id, (registration, place));
    }

    /// The streams whose registration the rules do not allow.
    pub(super) fn forbidden<'a>(&'a self, rules: &'a Rules) -> impl Iterator<Item = StreamId> + 'a {
        let forbidden = self.open.iter().filter(|(_, (one, _))| one.grant.check(rules).is_err());
        forbidden.map(|(id, _)| *id)
    }

    /// A stream is over; what it was for.
    pub(super) fn remove(&mut self, id: StreamId) -> Option<Arc<PeerRegistration>> {
        self.open.remove(&id).map(|(registration, _)| registration)
    }

    /// All streams are over.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}
