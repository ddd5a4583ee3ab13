//! The lines about the streams of sealed links. Others decide how many there are, so the lines are limited.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use proto::sealed::wire::frame::StreamId;
use tracing::{debug, info, warn};

use crate::limit::Limit;

/// How many lines there may be about streams: of one ticket, over all its links, however often it makes new ones.
#[derive(Debug)]
pub(super) struct StreamLines {
    streams: Limit,
    refusals: Limit,
}

impl Default for StreamLines {
    fn default() -> Self {
        let now = Instant::now();
        Self { streams: Limit::new(now), refusals: Limit::new(now) }
    }
}

/// Writes about the streams of one link, never more than a few lines a second.
#[derive(Debug)]
pub(super) struct LinkJournal {
    link: u64,
    lines: Arc<StreamLines>,
}

impl LinkJournal {
    /// A journal of the link with this number, which may write what is left of `lines`.
    pub(super) const fn new(link: u64, lines: Arc<StreamLines>) -> Self {
        Self { link, lines }
    }

    /// A client came, or a request of the peer.
    pub(super) fn arrived(&self, id: StreamId) {
        debug!(link = self.link, %id, "stream opening");
    }

    /// The target of a stream has been dialled.
    pub(super) fn opened(&self, id: StreamId) {
        if let Some(held_back) = self.lines.streams.pass(Instant::now()) {
            info!(link = self.link, %id, held_back, "stream opened");
        }
    }

    /// The path turned out to carry only datagrams of so many bytes.
    pub(super) fn small_path(&self, bytes: u16) {
        if let Some(held_back) = self.lines.refusals.pass(Instant::now()) {
            warn!(
                link = self.link,
                bytes,
                held_back,
                "the path carries no larger datagrams: it is used as it is, a little slower"
            );
        }
    }

    /// A stream is over.
    pub(super) fn closed(&self, id: StreamId, reason: &dyn Display) {
        if let Some(held_back) = self.lines.streams.pass(Instant::now()) {
            info!(link = self.link, %id, %reason, held_back, "stream closed");
        }
    }

    /// A flow of datagrams is over.
    pub(super) fn flow_closed(&self, id: StreamId, reason: &dyn Display) {
        debug!(link = self.link, %id, %reason, "flow closed");
    }

    /// A stream was refused.
    pub(super) fn refused(&self, id: StreamId, reason: &dyn Display) {
        if let Some(held_back) = self.lines.refusals.pass(Instant::now()) {
            warn!(link = self.link, %id, %reason, held_back, "stream refused");
        }
    }
}
