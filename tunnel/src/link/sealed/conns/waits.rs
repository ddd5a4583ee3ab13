//! What connections wait for while nothing moves: clients to be heard of, and RSTs for their moment.

use std::time::{Duration, Instant};

use proto::sealed::transport::Transport;
use proto::sealed::wire::frame::{ResetCode, StreamId};

use super::Conns;

impl Conns {
    /// Connections that may linger at a time.
    const LINGERING: usize = 256;
    /// How often waiting clients are looked through.
    const LOOK: Duration = Duration::from_secs(1);
    /// How long a client that has asked for nothing and sent FIN may still be one that waits to be greeted: the peer hears of it
    /// in a round trip.
    const GREETING: Duration = Duration::from_secs(3);

    /// The client of this stream waits until the peer has heard of it.
    pub(in crate::link::sealed) fn waits(&mut self, id: StreamId) {
        if let Some(since) = self.find(id).map(|conn| conn.since) {
            self.waiting.push_back((since, id));
        }
    }

    /// The streams of clients that have waited for `limit` or are gone, of which the peer has not heard.
    pub(in crate::link::sealed) fn given_up(
        &mut self,
        transport: &Transport,
        limit: Duration,
    ) -> Vec<(StreamId, ResetCode)> {
        let now = Instant::now();
        let mut given_up = Vec::new();
        let (keys, slots) = (&self.keys, &self.slots);
        self.waiting.retain(|&(since, id)| {
            let conn = keys.get(&id).and_then(|&key| slots.get(key)).filter(|conn| conn.since == since);
            let Some(conn) = conn.filter(|_| transport.is_unheard(id)) else { return false };
            let waited = now.saturating_duration_since(since);
            let code = if waited >= limit {
                ResetCode::TimedOut
            } else if waited >= Self::GREETING && conn.asked_nothing() {
                ResetCode::Reset
            } else {
                return true;
            };
            given_up.push((id, code));
            false
        });
        given_up
    }

    /// Whether [`Conns::next_look`] is never.
    pub(in crate::link::sealed) fn none_waits(&self) -> bool {
        self.waiting.is_empty() && self.due.is_empty() && self.lingering.is_empty()
    }

    /// When [`Conns::given_up`] or [`Conns::handle_timeout`] has something to do.
    pub(in crate::link::sealed) fn next_look(&self, now: Instant) -> Option<Instant> {
        let waits = (!self.waiting.is_empty()).then(|| now + Self::LOOK);
        let due = self.due.front().map(|(at, _)| *at);
        let lingers = self.lingering.front().map(|(at, _)| *at);
        [waits, due, lingers].into_iter().flatten().min()
    }

    /// Sends the RSTs that are due.
    pub(in crate::link::sealed) fn handle_timeout(&mut self, now: Instant) {
        while self.due.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, id)) = self.due.pop_front()
        {
            if let Some(conn) = self.find(id) {
                conn.in_due = false;
            }
            self.readable(id);
        }
        while self.lingering.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, conn)) = self.lingering.pop_front()
        {
            conn.abort(ResetCode::Reset);
        }
    }

    /// Ends the connection of a stream that the peer has reset with RST, once what was written to it had the time to arrive.
    pub(super) fn let_go(&mut self, id: StreamId, code: ResetCode) {
        let Some(conn) = self.take(id) else { return };
        match conn.lingers_until().filter(|_| self.lingering.len() < Self::LINGERING) {
            Some(until) => self.lingering.push_back((until, conn)),
            None => conn.abort(code),
        }
    }
}
