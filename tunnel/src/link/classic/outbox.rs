//! From TCP into datagrams and out of the socket: no faster than the pace, no more than one batch ahead of the system.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use proto::classic::StreamId;
use proto::classic::frame::{Datagram, HEADER_LEN, data_header};
use tracing::{debug, warn};

use super::pace::Pace;
use super::relay::{Read, Relay};
use super::side::Path;
use crate::limit::Limit;
use crate::metrics::Counters;
use crate::number::widen;
use crate::udp::{self, Gate, MAX_SEND, Transmit, Udp};

/// What waits to be sent: a batch of data of one stream in a buffer that TCP was read into, and small datagrams.
#[derive(Debug)]
pub(super) struct Outbox {
    buffer: Box<[u8]>,
    /// Bytes in a full datagram.
    segment: usize,
    batch: Option<Batch>,
    answers: VecDeque<(Path, Datagram)>,
    pace: Option<Pace>,
    gate: Gate,
    errors: Limit,
}

#[derive(Debug)]
struct Batch {
    to: Path,
    sent: usize,
    len: usize,
}

impl Outbox {
    /// Small datagrams that may wait while the socket takes nothing: some for each of the streams that can be.
    const MAX_ANSWERS: usize = 16_384;

    /// An empty outbox that puts at most `payload` bytes of data in a datagram and sends `rate` bytes a second.
    pub(super) fn new(payload: usize, rate: Option<u64>) -> Self {
        let now = Instant::now();
        Self {
            buffer: vec![0; MAX_SEND].into_boxed_slice(),
            segment: payload + HEADER_LEN,
            batch: None,
            answers: VecDeque::new(),
            pace: rate.map(|rate| Pace::new(rate, now)),
            gate: Gate::default(),
            errors: Limit::new(now),
        }
    }

    /// Queues a datagram without data, behind the batch in hand and before any further data.
    pub(super) fn answer(&mut self, to: Path, datagram: Datagram, counters: &mut Counters) {
        if self.answers.len() < Self::MAX_ANSWERS {
            self.answers.push_back((to, datagram));
        } else {
            counters.answers_dropped += 1;
        }
    }

    /// How long the pace forbids to read more data.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.pace.as_ref().map_or(Duration::ZERO, |pace| pace.wait(now))
    }

    /// Reads a batch for stream `id` from its connection, in the place where it is sent from. Only after
    /// [`Outbox::poll_flush`] was ready. Says how many datagrams it makes; none is the end of the connection's data.
    pub(super) fn poll_fill(
        &mut self,
        now: Instant,
        udp: &Udp,
        to: Path,
        id: StreamId,
        relay: &Relay,
        counters: &mut Counters,
    ) -> Poll<io::Result<usize>> {
        let most = (MAX_SEND / self.segment).min(udp.max_segments()).max(1);
        let header = data_header(id);
        let places = self.buffer.chunks_exact_mut(self.segment).take(most).filter_map(|place| {
            let (head, payload) = place.split_first_chunk_mut()?;
            *head = header;
            Some(IoSliceMut::new(payload))
        });
        let mut places: Vec<_> = places.collect();
        let count = match ready!(relay.poll_read(&mut places))? {
            Read::End => return Poll::Ready(Ok(0)),
            Read::Data(count) => count,
        };
        let datagrams = count.div_ceil(self.segment - HEADER_LEN);
        let len = count + datagrams * HEADER_LEN;
        self.batch = Some(Batch { to, sent: 0, len });
        if let Some(pace) = &mut self.pace {
            pace.spend(now, len);
        }
        counters.sent_bytes += widen(count);
        Poll::Ready(Ok(datagrams))
    }

    /// Sends all that waits. Pending: the system takes no more now.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        udp: &Udp,
        counters: &mut Counters,
    ) -> Poll<()> {
        while let Some(batch) = &mut self.batch {
            let contents = self.buffer.get(batch.sent..batch.len).unwrap_or_default();
            let segment_size = Some(self.segment);
            let transmit = Transmit {
                destination: batch.to.remote,
                ecn: None,
                contents,
                segment_size,
                src_ip: batch.to.local,
            };
            let result = ready!(self.gate.poll_send(cx, udp, &transmit));
            let gone = match result {
                Ok(sent) => {
                    counters.datagrams_sent += widen(sent.div_ceil(self.segment));
                    sent
                }
                Err(error) => {
                    // One datagram is given up, not the batch: its neighbours may be smaller, or the cause may pass.
                    counters.datagrams_not_sent += 1;
                    note(&mut self.errors, &error);
                    self.segment.min(contents.len())
                }
            };
            batch.sent += gone;
            if batch.sent >= batch.len || gone == 0 {
                self.batch = None;
            }
        }
        while let Some((to, datagram)) = self.answers.front() {
            let transmit = Transmit {
                destination: to.remote,
                ecn: None,
                contents: datagram,
                segment_size: None,
                src_ip: to.local,
            };
            match ready!(self.gate.poll_send(cx, udp, &transmit)) {
                Ok(_) => counters.datagrams_sent += 1,
                Err(error) => {
                    counters.datagrams_not_sent += 1;
                    note(&mut self.errors, &error);
                }
            }
            self.answers.pop_front();
        }
        Poll::Ready(())
    }
}

/// Tells the user why datagrams cannot be sent.
fn note(limit: &mut Limit, error: &io::Error) {
    let Some(held_back) = limit.pass(Instant::now()) else { return };
    if udp::is_too_large(error) {
        warn!(held_back, "a datagram is larger than the path allows: choose a smaller --payload");
    } else {
        debug!(held_back, %error, "a datagram could not be sent");
    }
}
