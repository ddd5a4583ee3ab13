//! When the client asks for keys.

use crate::sealed::handshake::initiator::Initiator;
use crate::sealed::handshake::terms::{LinkId, Refusal};
use crate::ticket::Ticket;
use crate::time::Time;
use std::time::Duration;

/// The first repetition of an initiation; it doubles up to [`AGAIN_MAX`].
const AGAIN_MIN: Duration = Duration::from_millis(250);

/// The longest wait before an initiation is repeated while somebody waits.
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// The wait while nobody does.
const AGAIN_IDLE: Duration = Duration::from_secs(10);

/// The waits differ by as much as this part of them, as its divisor, to both sides: clients that lost their server together must not
/// ask it together, each second anew.
const JITTER: u32 = 4;

/// Into how many steps that is divided.
const STEPS: u32 = 256;

/// For so long a refusal is believed, those in a row from left to right: proxy2 knows of a ticket that was just made within
/// half a second, and a place that is being freed takes two.
const AFTER_REFUSAL: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// Silence, beyond two round trips, after which a peer that owes an acknowledgement is asked for keys: it may have been
/// started anew, and then its user waits for nothing else. On a path that is merely dead an initiation costs what a
/// probe costs.
pub(crate) const SILENCE: Duration = Duration::from_secs(1);

/// Silence after which a peer that is about to be used again is asked right away: its keys, or the hole that a NAT
/// keeps for us, may be gone.
pub(crate) const LONG_SILENCE: Duration = Duration::from_secs(60);

/// The client's part of the handshakes of a link.
#[derive(Debug)]
pub(crate) struct RekeyTimer {
    pub(crate) initiator: Initiator,
    /// Initiations since the last response.
    asked: u32,
    asked_at: Time,
    /// Of the wait after it: from 0, the shortest, to below [`STEPS`].
    step: u32,
    /// Refusals since the last response that was none.
    refused: usize,
    not_before: Time,
}

impl RekeyTimer {
    pub(crate) const fn new(initiator: Initiator) -> Self {
        Self { initiator, asked: 0, asked_at: Time::ZERO, step: 0, refused: 0, not_before: Time::ZERO }
    }

    /// When the next initiation is due, given that keys are wanted, and whether somebody waits for them.
    pub(crate) fn due(&self, waiting: bool) -> Time {
        if self.asked == 0 {
            return self.not_before;
        }
        let backoff =
            (AGAIN_MIN * (1 << (self.asked - 1).min(8))).min(if waiting { AGAIN_MAX } else { AGAIN_IDLE });
        let shortest = backoff - backoff / JITTER;
        self.not_before.max(self.asked_at + shortest + backoff * 2 / JITTER / STEPS * self.step)
    }

    /// An initiation leaves; `chance` is any number, as random as can be.
    pub(crate) const fn on_asked(&mut self, now: Time, chance: u32) {
        self.asked += 1;
        self.asked_at = now;
        self.step = chance % STEPS;
    }

    /// Whether no refusal forbids to ask.
    pub(crate) fn may_ask(&self, now: Time) -> bool {
        self.not_before <= now
    }

    /// The next initiation is another client's, whom nobody has refused.
    pub(crate) fn set_ticket(&mut self, ticket: Ticket) {
        self.initiator.set_ticket(ticket);
        (self.asked, self.refused, self.not_before) = (0, 0, Time::ZERO);
    }

    /// Initiations since the last response.
    pub(crate) const fn asked(&self) -> u32 {
        self.asked
    }

    pub(crate) fn on_established(&mut self) {
        self.asked = 0;
        self.refused = 0;
        // What responses to younger initiations say of the link was true before these keys are used.
        self.initiator.give_up();
    }

    /// The next initiation is for another link.
    pub(crate) fn on_dormant(&mut self, next: LinkId) {
        self.asked = 0;
        self.initiator.give_up();
        self.initiator.set_link(next);
    }

    pub(crate) fn on_refused(&mut self, now: Time, why: Refusal) {
        self.asked = 0;
        if why == Refusal::ClockOff && self.refused == 0 {
            // The challenge that came with it is returned at once; should that not help either, the pauses begin.
            self.not_before = now;
            self.refused = 1;
            return;
        }
        let pause = AFTER_REFUSAL.get(self.refused).or(AFTER_REFUSAL.last()).copied();
        self.not_before = now + pause.unwrap_or_default();
        self.refused += 1;
    }
}
