//! When the client asks for keys.

use super::chance::Chance;
use crate::sealed::handshake::initiator::{Initiator, Refused};
use crate::sealed::handshake::terms::{LinkId, Refusal};
use crate::ticket::Ticket;
use crate::time::Time;
use std::time::Duration;

/// The first repetition of an initiation; it doubles up to [`AGAIN_MAX`].
const AGAIN_MIN: Duration = Duration::from_millis(250);

/// The longest wait before an initiation is repeated while somebody waits.
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// So many initiations leave densely, all but the first in twos, where somebody waits for the first keys: where half is lost either way, one in
/// 40,000 links has no response to any. That takes two and a half seconds. A link that has keys goes on meanwhile.
const DENSE: u32 = 37;

/// Of these so many leave [`AGAIN_MIN`] after each other, as a path of half a second has not answered yet.
const FAR: u32 = 5;

/// How long after two the next two leave.
const AGAIN_DENSE: Duration = Duration::from_millis(125);

/// How much later than the first of two the second leaves: losses come in bursts.
const PAIR_GAP: Duration = Duration::from_millis(25);

/// The wait while nobody does.
const AGAIN_IDLE: Duration = Duration::from_secs(10);

/// The waits differ by as much as this part of them, as its divisor, to both sides: clients that lost their server together must not
/// ask it together, each second anew.
const JITTER: u32 = 4;

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
    /// What of the wait after it is by chance.
    chance: Chance,
    /// Refusals since the last response that was none.
    refused: usize,
    /// When the last of these came.
    refused_at: Time,
    /// One of these meant a pause: who is not let in does not ask densely.
    has_paused: bool,
    not_before: Time,
}

impl RekeyTimer {
    pub(crate) const fn new(initiator: Initiator) -> Self {
        let never = Time::ZERO;
        Self {
            initiator,
            asked: 0,
            asked_at: never,
            chance: Chance::NONE,
            refused: 0,
            refused_at: never,
            has_paused: false,
            not_before: never,
        }
    }

    /// When the next initiation is due, given that keys are wanted.
    pub(crate) fn due(&self, need: Need) -> Time {
        if self.asked == 0 {
            return self.not_before;
        }
        let backoff = match need {
            Need::Start if self.asked < DENSE && !self.has_paused => self.dense_gap(),
            Need::Start | Need::Use => self.doubled().min(AGAIN_MAX),
            Need::Idle => self.doubled().min(AGAIN_IDLE),
        };
        let wait = backoff - backoff / JITTER + self.chance.of(backoff * 2 / JITTER);
        self.not_before.max(self.asked_at + wait)
    }

    /// The wait between dense initiations, of which all but the first leave in twos.
    fn dense_gap(&self) -> Duration {
        match self.asked {
            asked if asked.is_multiple_of(2) => PAIR_GAP,
            ..FAR => AGAIN_MIN - PAIR_GAP,
            FAR.. => AGAIN_DENSE - PAIR_GAP,
        }
    }

    fn doubled(&self) -> Duration {
        AGAIN_MIN * (1 << (self.asked - 1).min(8))
    }

    /// An initiation leaves.
    pub(crate) const fn on_asked(&mut self, now: Time, chance: Chance) {
        self.asked += 1;
        self.asked_at = now;
        self.chance = chance;
    }

    /// Whether no refusal forbids to ask.
    pub(crate) fn may_ask(&self, now: Time) -> bool {
        self.not_before <= now
    }

    /// The next initiation is another client's, whom nobody has refused.
    pub(crate) fn set_ticket(&mut self, ticket: Ticket) {
        self.initiator.set_ticket(ticket);
        (self.asked, self.refused, self.has_paused, self.not_before) = (0, 0, false, Time::ZERO);
    }

    pub(crate) fn on_established(&mut self) {
        (self.asked, self.refused, self.has_paused) = (0, 0, false);
        // What responses to younger initiations say of the link was true before these keys are used.
        self.initiator.give_up();
    }

    /// The next initiation is for another link.
    pub(crate) fn on_dormant(&mut self, next: LinkId) {
        self.asked = 0;
        self.initiator.give_up();
        self.initiator.set_link(next);
    }

    /// True unless the refused initiation left before an earlier refusal came: several are on their way at once, and all of them meet
    /// the same answer.
    pub(crate) fn on_refused(&mut self, now: Time, refused: &Refused) -> bool {
        if now.before(refused.round_trip) < self.refused_at {
            return false;
        }
        self.asked = 0;
        self.refused_at = now;
        if refused.why == Refusal::ClockOff && self.refused == 0 {
            // The challenge that came with it is returned at once; should that not help either, the pauses begin.
            self.not_before = now;
            self.refused = 1;
            return true;
        }
        let pause = AFTER_REFUSAL.get(self.refused).or(AFTER_REFUSAL.last()).copied();
        self.not_before = now + pause.unwrap_or_default();
        self.refused += 1;
        self.has_paused = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::handshake::terms::{Epoch, Instance, LinkId, UnixMicros};
    use crate::sealed::link::Settings;
    use crate::sim::Setup;

    fn timer() -> RekeyTimer {
        let setup = Setup::new(1, Settings::default());
        RekeyTimer::new(setup.initiator(&setup.ticket, LinkId(1), Instance(1)))
    }

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    /// Initiations in the first four seconds, and in the four after them.
    fn asked(need: Need) -> [u32; 2] {
        let mut timer = timer();
        let mut now = Time::ZERO;
        [4, 8].map(|end| {
            let before = timer.asked;
            while timer.due(need) < Time::ZERO + Duration::from_secs(end) {
                now = now.max(timer.due(need));
                timer.on_asked(now, Chance::HALF);
            }
            timer.asked - before
        })
    }

    #[test]
    fn initiations_leave_in_twos_where_somebody_waits_for_the_first_keys_but_not_for_long() {
        assert_eq!(asked(Need::Start), [38, 4]);
        assert_eq!(asked(Need::Use), [6, 4]);
        assert_eq!(asked(Need::Idle), [5, 1]);
    }

    /// proxy2 refuses an initiation that left `round_trip` milliseconds before. Whether that counts.
    fn refuse(timer: &mut RekeyTimer, now: Time, why: Refusal, round_trip: u64) -> bool {
        let round_trip = Duration::from_millis(round_trip);
        let refused = Refused { why, time: UnixMicros(0), version: 1, epoch: Epoch(1), round_trip };
        timer.on_refused(now, &refused)
    }

    #[test]
    fn of_the_refusals_of_initiations_on_their_way_together_one_counts() {
        let mut timer = timer();
        // Initiations left at 0, 225, 250, 475 and 500 ms.
        for (arrives, counts) in [(0, true), (225, false), (250, false), (475, false), (500, false)] {
            assert_eq!(
                refuse(&mut timer, at(600 + arrives), Refusal::TooManyLinks, 600),
                counts,
                "{arrives}"
            );
        }
        assert_eq!(timer.due(Need::Start), at(600) + AFTER_REFUSAL[0]);
        assert!(refuse(&mut timer, at(1_700), Refusal::TooManyLinks, 600), "it was asked again at 1,100 ms");
        assert_eq!(timer.due(Need::Start), at(1_700) + AFTER_REFUSAL[1]);
    }

    #[test]
    fn who_is_not_let_in_does_not_ask_densely() {
        let mut timer = timer();
        assert!(refuse(&mut timer, at(0), Refusal::TooManyLinks, 0));
        let mut count = 0;
        while timer.due(Need::Start) < at(10_500) {
            let due = timer.due(Need::Start);
            timer.on_asked(due, Chance::HALF);
            count += 1;
        }
        assert_eq!(count, 12, "0.5 s after the refusal, 0.25 and 0.75 s later, then once a second");
        timer.on_established();
        timer.on_asked(at(20_000), Chance::HALF);
        timer.on_asked(at(20_225), Chance::HALF);
        assert!(timer.due(Need::Start) < at(20_251), "it was let in meanwhile");
    }

    #[test]
    fn a_clock_that_is_off_costs_no_pause() {
        let mut timer = timer();
        assert!(refuse(&mut timer, at(100), Refusal::ClockOff, 100));
        assert_eq!(timer.due(Need::Start), at(100));
        timer.on_asked(at(100), Chance::HALF);
        assert!(!refuse(&mut timer, at(125), Refusal::ClockOff, 100), "of two initiations");
        assert!(timer.may_ask(at(125)), "the next has its challenge");
        assert!(refuse(&mut timer, at(200), Refusal::ClockOff, 100), "the challenge did not help");
        assert_eq!(timer.due(Need::Start), at(200) + AFTER_REFUSAL[1]);
    }
}
