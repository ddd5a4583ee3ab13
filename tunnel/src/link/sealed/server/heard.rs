//! Which links were heard: told by their tasks, read by the demultiplexer before it decides who gets a place. It decides when a datagram
//! comes, and is not woken before: with thousands of idle links it would be for each of their keepalives.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use proto::Time;
use proto::sealed::endpoint::LinkKey;

/// What was told and not read yet: once for each link. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeardLinks(Arc<Mutex<BTreeMap<LinkKey, Heard>>>);

/// The last authentic packet of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// When it came.
    pub(crate) at: Time,
    /// Where the peer is, as far as is proven.
    pub(crate) peer: SocketAddr,
}

impl HeardLinks {
    /// A link was heard.
    pub(crate) fn tell(&self, link: LinkKey, heard: Heard) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(link, heard);
    }

    /// All that was told since the last call.
    pub(crate) fn take(&self) -> BTreeMap<LinkKey, Heard> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
