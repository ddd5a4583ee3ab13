//! The lines about the streams of sealed links. Others decide how many there are, so the lines are limited.

use std::fmt::Display;
use std::time::Instant;

use proto::sealed::frame::StreamId;
use tracing::{debug, info, warn};

use crate::limit::Limit;

/// Writes about streams, never more than a few lines a second.
#[derive(Debug)]
pub(super) struct Journal {
    link: u64,
    streams: Limit,
    refusals: Limit,
}

impl Journal {
    /// A journal of the link with this number that has written nothing.
    pub(super) fn new(link: u64) -> Self {
        let now = Instant::now();
        Self { link, streams: Limit::new(now), refusals: Limit::new(now) }
    }

    /// A client came, or a request of the peer.
    pub(super) fn arrived(&self, id: StreamId) {
        debug!(link = self.link, %id, "stream opening");
    }

    /// The target of a stream has been dialled.
    pub(super) fn opened(&mut self, id: StreamId) {
        if let Some(held_back) = self.streams.pass(Instant::now()) {
            info!(link = self.link, %id, held_back, "stream opened");
        }
    }

    /// A stream is over.
    pub(super) fn closed(&mut self, id: StreamId, reason: &dyn Display) {
        if let Some(held_back) = self.streams.pass(Instant::now()) {
            info!(link = self.link, %id, %reason, held_back, "stream closed");
        }
    }

    /// A stream was refused.
    pub(super) fn refused(&mut self, id: StreamId, reason: &dyn Display) {
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            warn!(link = self.link, %id, %reason, held_back, "stream refused");
        }
    }
}
