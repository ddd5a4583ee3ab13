//! The lines about the streams of sealed links. Others decide how many there are, so the lines are limited.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use proto::sealed::wire::frame::StreamId;
use tracing::{debug, info, warn};

use super::records::StreamRecord;
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
#[derive(Clone, Debug)]
pub(super) struct LinkJournal {
    link: u64,
    ticket: Option<Arc<str>>,
    lines: Arc<StreamLines>,
}

impl LinkJournal {
    /// A journal of the link with this number and ticket, which may write what is left of `lines`.
    pub(super) const fn new(link: u64, ticket: Option<Arc<str>>, lines: Arc<StreamLines>) -> Self {
        Self { link, ticket, lines }
    }

    /// A client came, or a request of the peer.
    pub(super) fn arrived(&self, id: StreamId) {
        debug!(link = self.link, %id, "stream opening");
    }

    /// The target of a stream has been dialled.
    pub(super) fn opened(&self, id: StreamId) {
        debug!(link = self.link, %id, "stream opened");
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

    /// A stream is over: one line that says all of it. Flows are many and short: their ends are no lines that everybody reads.
    pub(super) fn closed(&self, id: StreamId, stream: Option<&StreamRecord>, reason: &dyn Display) {
        if stream.is_some_and(|stream| stream.is_flow) {
            return self.flow_closed(id, stream, reason);
        }
        let Some(held_back) = self.lines.streams.pass(Instant::now()) else { return };
        let Said { client, target, sent, received, seconds } = Said::of(stream);
        let (link, ticket) = (self.link, self.ticket.as_deref());
        info!(link, %id, client, target, ticket, sent, received, seconds, %reason, held_back, "stream closed");
    }

    fn flow_closed(&self, id: StreamId, stream: Option<&StreamRecord>, reason: &dyn Display) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let Said { client, target, sent, received, seconds } = Said::of(stream);
            let (link, ticket) = (self.link, self.ticket.as_deref());
            debug!(link, %id, client, target, ticket, sent, received, seconds, %reason, "flow closed");
        }
    }

    /// A stream was refused.
    pub(super) fn refused(&self, id: StreamId, stream: Option<&StreamRecord>, reason: &dyn Display) {
        let Some(held_back) = self.lines.refusals.pass(Instant::now()) else { return };
        let Said { client, target, .. } = Said::of(stream);
        let (link, ticket) = (self.link, self.ticket.as_deref());
        warn!(link, %id, client, target, ticket, %reason, held_back, "stream refused");
    }
}

/// What a line says of a stream; what is not known is left out.
#[derive(Debug, Default)]
struct Said<'a> {
    client: Option<String>,
    target: Option<&'a str>,
    sent: Option<u64>,
    received: Option<u64>,
    /// How long there was one, to the millisecond.
    seconds: Option<f64>,
}

impl<'a> Said<'a> {
    fn of(stream: Option<&'a StreamRecord>) -> Self {
        let Some(stream) = stream else { return Self::default() };
        Self {
            client: stream.client.map(|client| client.to_string()),
            target: Some(&*stream.target).filter(|target| !target.is_empty()),
            sent: Some(stream.carried.sent),
            received: Some(stream.carried.received),
            seconds: Some((stream.begun.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0),
        }
    }
}
