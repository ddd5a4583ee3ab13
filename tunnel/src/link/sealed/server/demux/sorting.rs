//! What becomes of each datagram: a link's, the process's before this one, answered, or dropped.

use std::net::SocketAddr;

use proto::sealed::endpoint::{DatagramEvent, Dropped};
use proto::sealed::link::{FourTuple, SocketId};

use super::Demux;
use crate::clock::Clock;
use crate::link::sealed::buffers::Buffer;
use crate::link::sealed::server::queue::{Command, LinkQueue, ReceivedBatch};
use crate::link::sealed::server::runs::runs;
use crate::number::widen;
use crate::udp::{self, RecvMeta};

/// For whom a datagram is.
enum Way {
    Link(LinkQueue),
    Predecessor,
}

impl Demux {
    /// Up to this many bytes are copied for a link; a buffer stays where it is.
    const SMALL: usize = 4 << 10;

    /// Sorts one receive buffer. Datagrams that came merged are nearly always for one link, which then gets the buffer.
    pub(super) fn take_in(&mut self, socket: usize, meta: &RecvMeta, buffer: &mut Buffer) {
        let local = self.parts.sockets.get(socket).and_then(|udp| udp.answer_from(meta));
        let socket = SocketId(u8::try_from(socket).expect("there are few sockets"));
        let from = FourTuple { remote: meta.addr, local, socket };
        let (len, stride, ecn) = (meta.len, meta.stride.max(1), udp::ecn_of(meta));
        let filled = buffer.get(..len).unwrap_or_default();
        let runs: Vec<(usize, usize)> = runs(filled, stride);
        if let [(0, end)] = runs.as_slice()
            && *end == len
            && len > Self::SMALL
        {
            match self.route(from, filled.get(..stride).unwrap_or(filled)) {
                Some(Way::Link(queue)) => {
                    let buffer = std::mem::replace(buffer, self.parts.shared.buffers.take());
                    self.post(&queue, ReceivedBatch { from, buffer, len, stride, ecn });
                }
                Some(Way::Predecessor) => self.pass_on(from, filled, stride, ecn),
                None => {}
            }
            return;
        }
        for (start, end) in runs {
            let run = filled.get(start..end).unwrap_or_default();
            match self.route(from, run.get(..stride).unwrap_or(run)) {
                Some(Way::Link(queue)) => {
                    let (buffer, len) = (Buffer::copy(run), run.len());
                    self.post(&queue, ReceivedBatch { from, buffer, len, stride, ecn });
                }
                Some(Way::Predecessor) => self.pass_on(from, run, stride, ecn),
                None => {}
            }
        }
    }

    pub(super) fn post(&mut self, queue: &LinkQueue, batch: ReceivedBatch) {
        let datagrams = batch.len.div_ceil(batch.stride);
        if !queue.post(batch) {
            self.counters.datagrams_busy += widen(datagrams);
        }
    }

    /// Whom the datagram is for; everything that is for no link is dealt with here.
    fn route(&mut self, from: FourTuple, datagram: &[u8]) -> Option<Way> {
        let now = self.parts.shared.clock.now();
        match self.parts.endpoint.handle(now, Clock::unix(), from.remote, datagram) {
            DatagramEvent::Link(key) => {
                return self.links.get(&key).map(|link| Way::Link(link.queue.clone()));
            }
            DatagramEvent::Predecessor => return Some(Way::Predecessor),
            DatagramEvent::Drop(why) => self.note_dropped(from.remote, why),
            DatagramEvent::Reply { bytes, refused } => {
                if let Some((client, why)) = refused {
                    self.note_refused(from.remote, client, why);
                }
                self.reply(from, &bytes);
            }
            DatagramEvent::Session { link, session, response } => {
                // The link's task answers, behind the packets that came before: only it knows whether they have ended the link.
                self.command(Some(link), Command::Session { session, response, from });
            }
            DatagramEvent::Full { ask } => {
                self.counters.datagrams_unanswered += 1;
                self.command(Some(ask), Command::Vacate);
            }
            DatagramEvent::New { link, client, session, limits, rival, former, response } => {
                self.command(rival, Command::Challenge);
                self.doubt_at_predecessor(former);
                self.start_link(link, from, &client, *session, limits);
                self.reply(from, &response);
            }
        }
        None
    }

    pub(super) fn note_dropped(&mut self, from: SocketAddr, why: Dropped) {
        let counters = &mut *self.counters;
        let counter = match why {
            Dropped::Malformed | Dropped::Classic => &mut counters.datagrams_malformed,
            Dropped::Stray => &mut counters.datagrams_stray,
            Dropped::Handshake(_) => &mut counters.datagrams_unanswered,
        };
        *counter += 1;
        self.hints.dropped(from, why);
    }
}
