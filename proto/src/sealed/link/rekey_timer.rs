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

/// So many initiations leave in twos, [`AGAIN_MIN`] after each other, where somebody waits for the first keys: of those that are lost on the
/// way, or whose response is, no more than these four seconds come. A link that has keys goes on meanwhile.
const DENSE: u32 = 31;

/// How much later than the first of two the second leaves: losses come in bursts.
const SECOND: Duration = Duration::from_millis(25);

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

/// For what keys are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A stream is open, and there are none.
    Start,
    /// A stream is open, and there may be some that are good.
    Use,
    /// Nobody waits.
    Idle,
}

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

    /// When the next initiation is due, given that keys are wanted.
    pub(crate) fn due(&self, need: Need) -> Time {
        if self.asked == 0 {
            return self.not_before;
        }
        let backoff = match need {
            Need::Start if self.asked <= DENSE && self.asked.is_multiple_of(2) => SECOND,
            Need::Start if self.asked <= DENSE => AGAIN_MIN - SECOND,
            Need::Start | Need::Use => self.doubled().min(AGAIN_MAX),
            Need::Idle => self.doubled().min(AGAIN_IDLE),
        };
        let shortest = backoff - backoff / JITTER;
        self.not_before.max(self.asked_at + shortest + backoff * 2 / JITTER / STEPS * self.step)
    }

    fn doubled(&self) -> Duration {
        AGAIN_MIN * (1 << (self.asked - 1).min(8))
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
        if now < self.not_before {
            return; // the second of two initiations was refused, too
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::handshake::terms::{Instance, LinkId};
    use crate::sealed::link::Settings;
    use crate::sim::Setup;

    /// Initiations in the first four seconds, and in the four after them.
    fn asked(need: Need) -> [u32; 2] {
        let setup = Setup::new(1, Settings::default());
        let mut timer = RekeyTimer::new(setup.initiator(&setup.ticket, LinkId(1), Instance(1)));
        let mut now = Time::ZERO;
        [4, 8].map(|end| {
            let before = timer.asked();
            while timer.due(need) < Time::ZERO + Duration::from_secs(end) {
                now = now.max(timer.due(need));
                timer.on_asked(now, STEPS / 2);
            }
            timer.asked() - before
        })
    }

    #[test]
    fn initiations_leave_in_twos_where_somebody_waits_for_the_first_keys_but_not_for_long() {
        assert_eq!(asked(Need::Start), [32, 4]);
        assert_eq!(asked(Need::Use), [6, 4]);
        assert_eq!(asked(Need::Idle), [5, 1]);
    }

    #[test]
    fn the_refusal_of_the_second_of_two_is_none() {
        let setup = Setup::new(1, Settings::default());
        let mut timer = RekeyTimer::new(setup.initiator(&setup.ticket, LinkId(1), Instance(1)));
        for later in [0, 20] {
            timer.on_refused(Time::ZERO + Duration::from_millis(later), Refusal::TooManyLinks);
        }
        assert_eq!(timer.due(Need::Start), Time::ZERO + AFTER_REFUSAL[0]);
    }
}
