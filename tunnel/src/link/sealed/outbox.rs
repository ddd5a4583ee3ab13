//! From the link into the socket: one batch of datagrams at a time.

use std::fmt;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use proto::Time;
use proto::sealed::link::{Link, Transmit};
use tracing::debug;

use crate::clock::Clock;
use crate::limit::Limit;
use crate::link::sealed::buffers::{Buffer, Buffers};
use crate::link::sealed::end::End;
use crate::metrics::Counters;
use crate::number::widen;
use crate::udp::{self, Gate, MAX_SEND};

/// The batch in hand.
pub(super) struct Outbox {
    buffers: Buffers,
    /// Held while there is a batch: links that have nothing to do share what buffers there are.
    buffer: Option<Buffer>,
    batch: Option<SendBatch>,
    gate: Gate,
    errors: Limit,
}

#[derive(Clone, Copy, Debug)]
struct SendBatch {
    what: Transmit,
    sent: usize,
}

impl Outbox {
    /// Batches sent before others get their turn.
    const BATCHES: usize = 8;

    /// An empty outbox.
    pub(super) fn new(buffers: Buffers) -> Self {
        Self { buffers, buffer: None, batch: None, gate: Gate::default(), errors: Limit::new(Instant::now()) }
    }

    /// Sends what the link has to send by the sockets of its `end`. Says whether there may be more; pending if the system takes nothing now.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        counters: &mut Counters,
        end: &impl End,
    ) -> Poll<bool> {
        ready!(self.gate.poll(cx));
        let mut buffer = self.buffer.take().unwrap_or_else(|| self.buffers.take());
        for _ in 0..Self::BATCHES {
            if self.batch.is_none() {
                let room = buffer.get_mut(..MAX_SEND).unwrap_or_default();
                let next = link.poll_transmit(now, Clock::unix(), room);
                self.batch = next.map(|what| SendBatch { what, sent: 0 });
            }
            let Some(SendBatch { what, .. }) = self.batch else { return Poll::Ready(false) };
            if self.poll_batch(cx, &buffer, counters, end).is_pending() {
                // What comes until the system takes it is not known to it.
                if let Some(batch) = &mut self.batch {
                    batch.what.more = true;
                }
                self.buffer = Some(buffer);
                return Poll::Pending;
            }
            // For a small message the question whether there is another cost a fifth of what it costs to send it.
            if !what.more {
                return Poll::Ready(false);
            }
        }
        Poll::Ready(true)
    }

    /// Sends the batch, which lies in `buffer`.
    fn poll_batch(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &[u8],
        counters: &mut Counters,
        end: &impl End,
    ) -> Poll<()> {
        while let Some(SendBatch { what, sent }) = &mut self.batch {
            let segment = what.segment.max(1);
            let Some(udp) = end.socket(what.path.socket) else {
                // It was closed meanwhile: the batch is lost.
                counters.datagrams_not_sent += widen((what.length - *sent).div_ceil(segment));
                self.batch = None;
                break;
            };
            let most = udp.max_segments().max(1);
            let contents = buffer.get(*sent..what.length.min(*sent + segment * most)).unwrap_or_default();
            if contents.is_empty() {
                self.batch = None;
                break;
            }
            let transmit = udp::Transmit {
                destination: what.path.remote,
                ecn: udp::ecn_bits(what.ecn),
                contents,
                segment_size: (contents.len() > segment).then_some(segment),
                src_ip: what.path.local,
            };
            match ready!(self.gate.poll_send(cx, udp, &transmit)) {
                Ok(count) => {
                    counters.datagrams_sent += widen(count.div_ceil(segment));
                    *sent += count;
                }
                Err(error) => {
                    // One datagram is given up; the link treats it as lost. Larger ones than the path takes are tried on purpose.
                    if udp::is_too_large(&error) {
                        counters.datagrams_too_large += 1;
                    } else {
                        counters.datagrams_not_sent += 1;
                        note(&mut self.errors, &error);
                    }
                    *sent += segment;
                }
            }
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("batch", &self.batch).finish_non_exhaustive()
    }
}

fn note(limit: &mut Limit, error: &io::Error) {
    if let Some(held_back) = limit.pass(Instant::now()) {
        debug!(held_back, %error, "a datagram could not be sent");
    }
}
