//! What a link does when time passes, and when it wants to be asked next.

use super::rekey_timer::{LONG_SILENCE, Need, SILENCE};
use super::state::LinkState;
use super::{Event, Link};
use crate::sealed::transport::CHALLENGE_SIZE;
use crate::time::Time;
use std::time::Duration;

/// A client that was receiving and hears nothing more for this long asks for a sign of life: its address may have
/// changed without its knowledge, and only its own packets show the new one.
const QUIET: Duration = Duration::from_secs(1);

/// A packet after so long a silence of both sides finds a link that carries nothing but signs of life, which come every 20 s.
const REST_AFTER: Duration = Duration::from_secs(5);

impl Link {
    /// Whether a packet that comes now comes after a long silence.
    pub(super) fn is_quiet(&self, now: Time) -> bool {
        now.since(self.sent_at.max(self.transport.content_at())) >= REST_AFTER
    }

    /// Gives back the room that carrying took: there may be many links that carry nothing.
    pub(super) fn rest(&mut self) {
        self.transport.rest();
        self.sessions.rest();
        self.replay.rest();
        self.events.shrink_to_fit();
    }

    /// When to ask for keys; never if there is no reason to.
    pub(super) fn ask_due(&self, now: Time) -> Time {
        let Some(rekey) = self.rekey.as_ref().filter(|_| self.path.is_known()) else { return Time::NEVER };
        let wanted = self.is_wanted();
        if self.state.is_dormant() {
            return if wanted { now } else { Time::NEVER };
        }
        let need = match (wanted, self.is_up()) {
            (true, false) => Need::Start,
            (true, true) => Need::Use,
            (false, _) => Need::Idle,
        };
        if !self.is_up() || self.sessions.is_old(now, self.transport.next_packet()) && wanted {
            return rekey.due(need);
        }
        // Silence counts from when the peer had something to answer: before that it was just idle.
        let Some(waiting) = self.transport.waiting_since() else { return Time::NEVER };
        // What was sent into a long silence has not had the time to be answered, but may well not be.
        let unheard = waiting.since(self.heard_at) >= LONG_SILENCE;
        let patience = SILENCE + self.transport.round_trip().unwrap_or_default() * 2;
        rekey.due(need).max(if unheard {
            waiting
        } else {
            self.reachability.answered_at().max(waiting) + patience
        })
    }

    /// When the client asks for a sign of life.
    fn liveness_probe_due(&self) -> Time {
        if self.rekey.is_none() || !self.is_up() || !self.is_wanted() {
            return Time::NEVER;
        }
        let content = self.transport.content_at();
        let quiet = if content > self.quiet_at { self.heard_at + QUIET } else { Time::NEVER };
        let keepalive = self.keepalive.interval();
        let alive = if keepalive.is_zero() { Time::NEVER } else { self.sent_at + keepalive };
        quiet.min(alive)
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) {
        if !self.is_open() {
            self.take_events();
            return self.end_when_due(now);
        }
        self.transport.handle_timeout(now);
        self.sessions.expire(now, self.transport.next_packet());
        if self.rekey.is_some() {
            // Only a server has a table of them.
            self.sessions.forget_retired();
        }
        if self.liveness_probe_due() <= now {
            self.quiet_at = self.transport.content_at();
            // Once, also if the packet cannot leave at once.
            self.on_sending(now);
            self.transport.probe();
        }
        if self.state.liveness_deadline() <= now {
            self.unanswered(now);
        }
        if self.is_open() && self.deserted_due() <= now {
            self.state = LinkState::Ended;
            self.events.push_back(Event::Gone);
        }
        let round_trip = self.transport.round_trip();
        if self.liveness_probe.on_timeout(now, self.transport.pto(), round_trip.is_some()) {
            self.events.push_back(Event::Unreachable);
        }
        if self.reachability.on_timeout(now, round_trip.unwrap_or_default()) {
            self.events.push_back(Event::Unreachable);
        }
        self.take_events();
    }

    /// When [`Link::handle_timeout`] or [`Link::poll_transmit`] has something to do.
    pub fn poll_timeout(&self, now: Time) -> Time {
        if !self.is_open() {
            return self.end_due();
        }
        let sends = self.is_up() && !self.state.is_dormant();
        let due = [
            if sends { self.transport.poll_timeout() } else { Time::NEVER },
            if sends { self.path.timeout(CHALLENGE_SIZE as u64) } else { Time::NEVER },
            self.liveness_probe_due(),
            self.sessions.timeout(),
            self.ask_due(now),
            self.dormant_due(),
            self.deserted_due(),
            self.state.liveness_deadline(),
            self.liveness_probe.due(),
        ];
        due.into_iter().min().unwrap_or(Time::NEVER)
    }
}
