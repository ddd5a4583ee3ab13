//! From the link into the socket: one batch of datagrams at a time.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use proto::Time;
use proto::sealed::link::{Link, Transmit};
use tracing::debug;

use super::buffers::{Buffer, Buffers};
use super::clock::Clock;
use super::tally::Tally;
use crate::limit::Limit;
use crate::metrics::Count;
use crate::udp::{self, MAX_SEND, Udp};

type Writable = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// The batch in hand.
pub(super) struct Outbox {
    udp: Arc<Udp>,
    buffers: Buffers,
    /// Held while there is a batch: links that have nothing to do share what buffers there are.
    buffer: Option<Buffer>,
    batch: Option<Batch>,
    /// Set while the system takes no more.
    blocked: Option<Writable>,
    errors: Limit,
}

#[derive(Clone, Copy, Debug)]
struct Batch {
    what: Transmit,
    sent: usize,
}

impl Outbox {
    /// Batches sent before others get their turn.
    const BATCHES: usize = 8;

    /// An empty outbox.
    pub(super) fn new(udp: Arc<Udp>, buffers: Buffers) -> Self {
        Self { udp, buffers, buffer: None, batch: None, blocked: None, errors: Limit::new(Instant::now()) }
    }

    /// Sends what the link has to send, `from` this address of ours. Says whether there may be more; pending if the
    /// system takes nothing now.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        from: Option<IpAddr>,
        tally: &mut Tally,
    ) -> Poll<bool> {
        if let Some(writable) = &mut self.blocked {
            std::task::ready!(writable.as_mut().poll(cx)).unwrap_or_default();
            self.blocked = None;
        }
        let mut buffer = self.buffer.take().unwrap_or_else(|| self.buffers.take());
        for _ in 0..Self::BATCHES {
            if self.batch.is_none() {
                let room = buffer.get_mut(..MAX_SEND).unwrap_or_default();
                let next = link.poll_transmit(now, Clock::unix(), room);
                self.batch = next.map(|what| Batch { what, sent: 0 });
            }
            let Some(batch) = self.batch else { return Poll::Ready(false) };
            self.send(batch, &buffer, from, tally);
            if self.batch.is_some() {
                self.buffer = Some(buffer);
                return self.block(cx);
            }
        }
        Poll::Ready(true)
    }

    fn send(&mut self, mut batch: Batch, buffer: &[u8], from: Option<IpAddr>, tally: &mut Tally) {
        let segment = batch.what.segment.max(1);
        while batch.sent < batch.what.length {
            let end = batch.what.length.min(batch.sent + segment * self.udp.max_segments().max(1));
            let contents = buffer.get(batch.sent..end).unwrap_or_default();
            let destination = batch.what.to;
            let transmit = udp::Transmit {
                destination,
                ecn: None,
                contents,
                segment_size: (contents.len() > segment).then_some(segment),
                src_ip: from,
            };
            match self.udp.try_send(&transmit) {
                Ok(sent) => {
                    tally.add(Count::DatagramsSent, widen(sent.div_ceil(segment)));
                    batch.sent += sent;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.batch = Some(batch);
                    return;
                }
                Err(error) => {
                    // One datagram is given up; the link treats it as lost.
                    tally.one(Count::NotSent);
                    note(&mut self.errors, &error);
                    batch.sent += segment;
                }
            }
        }
        self.batch = None;
    }

    /// Waits for the socket.
    fn block(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let udp = Arc::clone(&self.udp);
        let mut writable: Writable = Box::pin(async move { udp.writable().await });
        let poll = writable.as_mut().poll(cx).map(|_| true);
        if poll.is_pending() {
            self.blocked = Some(writable);
        }
        poll
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("batch", &self.batch).finish_non_exhaustive()
    }
}

fn note(limit: &mut Limit, error: &io::Error) {
    // Larger datagrams than the path takes are tried on purpose.
    if !udp::is_too_large(error)
        && let Some(held_back) = limit.pass(Instant::now())
    {
        debug!(held_back, %error, "a datagram could not be sent");
    }
}

fn widen(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
