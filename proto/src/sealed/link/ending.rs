//! How a link ends: said in a packet, or found out, or read to the end.

use super::state::LinkState;
use super::{Event, Link};
use crate::sealed::transport::Fault;
use crate::sealed::wire::end_code::{EndCode, Ended};
use crate::time::Time;
use std::time::Duration;

/// How long what a peer that is gone has sent may still be read: ten minutes are enough for 64 MiB at 112 kB/s. The peer has
/// its acknowledgement, so it must not be lost lightly; but a target that never reads would keep its link for good.
pub(crate) const DRAIN: Duration = Duration::from_secs(600);

/// The same where the link's place is wanted: counted from the end of the link as well, as nobody may have asked before.
pub(crate) const DRAIN_WANTED: Duration = Duration::from_secs(60);

/// How long the packet that says why the link ends may take to leave.
const CLOSING_PATIENCE: Duration = Duration::from_millis(200);

impl Link {
    pub(super) const fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Whether the link has taken something and takes no more, though it may still have to say so, or hold what came. A server tells its
    /// [endpoint](crate::sealed::endpoint::Endpoint::end) of it before the next packet leaves.
    pub const fn has_ended(&self) -> bool {
        !self.is_open() && self.highest.is_some()
    }

    /// Tells the peer, as well as one packet can, that the link is over. A client all of whose streams are over says instead of
    /// [`EndCode::Shutdown`] that it has no use for the link: so what the server has of them and its targets have not taken is not lost.
    pub fn close(&mut self, code: EndCode) {
        let is_unused =
            !matches!(self.state, LinkState::Serving { .. }) && self.transport.stream_count() == 0;
        let code = if is_unused && code == EndCode::Shutdown { EndCode::Dormant } else { code };
        if self.is_open() {
            self.say_end(code, None, Time::NEVER);
        }
    }

    /// The peer broke the rules, and is told so, once.
    pub(super) fn fail(&mut self, now: Time, fault: Fault) {
        self.say_end(EndCode::Fault, Some(fault), now + CLOSING_PATIENCE);
    }

    fn say_end(&mut self, code: EndCode, fault: Option<Fault>, until: Time) {
        self.state = LinkState::Closing { code, fault, until };
        // Without keys there is nobody to tell.
        if !self.is_up() {
            self.closed();
        }
    }

    /// What the next packet has to say: the code, and what the peer did wrong.
    pub(super) const fn closing_reason(&self) -> Option<(EndCode, Option<Fault>)> {
        match self.state {
            LinkState::Closing { code, fault, .. } => Some((code, fault)),
            LinkState::Asking
            | LinkState::Up { .. }
            | LinkState::Dormant { .. }
            | LinkState::Serving { .. }
            | LinkState::Draining { .. }
            | LinkState::Ended => None,
        }
    }

    /// It is over, and the owner hears why unless it wanted it so.
    pub(super) fn closed(&mut self) {
        match std::mem::replace(&mut self.state, LinkState::Ended) {
            LinkState::Closing { fault: Some(fault), .. } => self.events.push_back(Event::Broken(fault)),
            LinkState::Draining { .. } => self.events.push_back(Event::Ended(EndCode::Dormant.into())),
            LinkState::Asking
            | LinkState::Up { .. }
            | LinkState::Dormant { .. }
            | LinkState::Serving { .. }
            | LinkState::Closing { .. }
            | LinkState::Ended => {}
        }
    }

    /// The peer ended the link. If it has only gone dormant, what it sent and nobody has read yet must not go with it:
    /// acknowledged is not delivered. Only a client may say so.
    pub(super) fn peer_ended(&mut self, ended: Ended) {
        if !self.is_open() {
            return;
        }
        let is_dormant = ended.code == EndCode::Dormant && matches!(self.state, LinkState::Serving { .. });
        if is_dormant && self.drain(self.heard_at) {
            return;
        }
        self.state = LinkState::Ended;
        self.events.push_back(Event::Ended(ended));
    }

    /// The peer does not live, or not with these keys any more: it may have left, and its packet that says so was lost. What
    /// it sent to the end is still read.
    pub(super) fn unanswered(&mut self, now: Time) {
        if self.drain(now) {
            return;
        }
        self.state = LinkState::Ended;
        self.events.push_back(Event::Gone);
    }

    /// Lets what came to its end be read, if there is such.
    fn drain(&mut self, now: Time) -> bool {
        if !self.transport.release() {
            return false;
        }
        self.sessions.clear();
        self.state = LinkState::Draining { since: now, until: now + DRAIN };
        true
    }

    /// Somebody wants the place of the link, whose peer is gone anyway.
    pub(super) fn shorten_drain(&mut self, now: Time, patience: Duration) {
        if let LinkState::Draining { since, until } = &mut self.state {
            *until = (*until).min((now + patience).max(*since + DRAIN_WANTED));
        }
    }

    /// Ends a link whose peer is gone once all that it sent has been read.
    pub(super) fn end_when_read(&mut self) {
        if matches!(self.state, LinkState::Draining { .. }) && self.transport.stream_count() == 0 {
            self.closed();
        }
    }

    /// Time passed for a link that is not open any more.
    pub(super) fn end_when_due(&mut self, now: Time) {
        if self.state.until() <= now {
            self.closed();
        }
    }

    /// When [`Link::end_when_due`] has something to do.
    pub(super) const fn end_due(&self) -> Time {
        self.state.until()
    }
}
