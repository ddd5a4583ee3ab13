//! The lines about single streams. Others decide how many streams there are, so the lines are limited.

use std::fmt::Display;
use std::time::Instant;

use proto::classic::Stream;
use tracing::{info, warn};

use crate::limit::Limit;

/// Writes about streams, never more than a few lines a second.
#[derive(Debug)]
pub(super) struct Journal {
    streams: Limit,
    refusals: Limit,
}

impl Journal {
    /// A journal that has written nothing.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { streams: Limit::new(now), refusals: Limit::new(now) }
    }

    /// A stream carries data from now on.
    pub(super) fn opened<P: Copy>(&mut self, stream: Stream<P>) {
        if let Some(held_back) = self.streams.pass(Instant::now()) {
            info!(id = %stream.id(), serial = stream.serial(), held_back, "stream opened");
        }
    }

    /// A stream is over.
    pub(super) fn closed<P: Copy>(&mut self, stream: Stream<P>, reason: &dyn Display) {
        if let Some(held_back) = self.streams.pass(Instant::now()) {
            info!(id = %stream.id(), serial = stream.serial(), %reason, held_back, "stream closed");
        }
    }

    /// A client or a request was refused.
    pub(super) fn refused(&mut self, reason: &dyn Display) {
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            warn!(%reason, held_back, "stream refused");
        }
    }
}
