//! Whether the server's client answers, asked because somebody wants to count on it. Unlike what
//! [`check_liveness`](super::Link::check_liveness) does it costs the link nothing: a client that is silent may come back to it.
//!
//! It is asked by path challenges to where it is, which are answered without a delay and count for nothing else: one first, which is
//! enough nearly always; after a probe time-out some more, close to each other. A path that loses three of ten datagrams each way
//! keeps all of them from being answered once in 48,000 times; one that stands still for long does, and then its client counts as silent
//! until it is heard.

use crate::time::Time;
use std::time::Duration;

/// Challenges until a client counts as silent.
const CHALLENGES: u32 = 16;

/// The shortest time between two of them: with the waits before and behind them half a second in all, which few hosts that live let
/// pass without running.
const GAP: Duration = Duration::from_millis(30);

/// The least time for an answer to the first and to the last of them.
const WAIT: Duration = Duration::from_millis(50);

/// After how long a silent client is asked again; twice as long each time.
const AGAIN: Duration = Duration::from_millis(500);

/// The longest such wait. Later it is asked when somebody wants to know, and shows itself by its keepalives.
const AGAIN_MAX: Duration = Duration::from_secs(16);

/// How often a silent client is asked when somebody wants to know all the time.
const WANTED_AGAIN: Duration = Duration::from_millis(250);

/// What is known.
#[derive(Debug)]
enum State {
    /// Nothing that is in doubt.
    Quiet,
    /// It is asked.
    Asking { sent: u32, next: Time },
    /// It has not answered, and has not been heard since.
    Silent { asked_at: Time, next: Time, gap: Duration },
}

/// The question whether the client is there.
#[derive(Debug)]
pub(super) struct LivenessProbe {
    state: State,
    /// A challenge is to be sent.
    owed: bool,
}

impl LivenessProbe {
    /// Nothing is in doubt.
    pub(super) const fn new() -> Self {
        Self { state: State::Quiet, owed: false }
    }

    /// Somebody wants to know.
    pub(super) fn ask(&mut self, now: Time) {
        match &mut self.state {
            State::Quiet => self.state = State::Asking { sent: 0, next: now },
            State::Asking { .. } => {}
            State::Silent { asked_at, next, .. } => {
                *next = (*next).min((*asked_at + WANTED_AGAIN).max(now));
            }
        }
    }

    /// When [`LivenessProbe::on_timeout`] has something to do.
    pub(super) const fn due(&self) -> Time {
        match self.state {
            State::Quiet => Time::NEVER,
            State::Asking { next, .. } | State::Silent { next, .. } => next,
        }
    }

    /// Time passed. True if the client counts as silent from now on. `pto`: how long an answer may take.
    pub(super) fn on_timeout(&mut self, now: Time, pto: Duration) -> bool {
        match &mut self.state {
            State::Asking { sent: CHALLENGES, next } if *next <= now => {
                self.state = State::Silent { asked_at: now, next: now + AGAIN, gap: AGAIN };
                return true;
            }
            State::Asking { sent, next } if *next <= now => {
                *sent += 1;
                let waits = matches!(*sent, 1 | CHALLENGES);
                *next = now + if waits { pto.max(WAIT) } else { (pto / 4).max(GAP) };
                self.owed = true;
            }
            State::Silent { asked_at, next, gap } if *next <= now => {
                *asked_at = now;
                *gap *= 2;
                *next = if *gap > AGAIN_MAX { Time::NEVER } else { now + *gap };
                self.owed = true;
            }
            State::Quiet | State::Asking { .. } | State::Silent { .. } => {}
        }
        false
    }

    /// Whether a challenge is to be sent; it counts as sent then.
    pub(super) const fn take_owed(&mut self) -> bool {
        std::mem::replace(&mut self.owed, false)
    }

    /// The client is heard. True if it counted as silent.
    pub(super) fn on_heard(&mut self) -> bool {
        self.owed = false;
        matches!(std::mem::replace(&mut self.state, State::Quiet), State::Silent { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Challenges within `limit`, and when it counts as silent.
    fn run(probe: &mut LivenessProbe, now: Time, limit: Duration, pto: Duration) -> (u32, Option<Duration>) {
        let (mut sent, mut silent) = (0, None);
        while probe.due() <= now + limit {
            let due = probe.due();
            if probe.on_timeout(due, pto) {
                silent = Some(due.since(now));
            }
            sent += u32::from(probe.take_owed());
        }
        (sent, silent)
    }

    #[test]
    fn silence_is_many_challenges_and_more_time_on_longer_paths() {
        for (pto, expected) in [(7, 520), (120, 660), (800, 4_400)] {
            let mut probe = LivenessProbe::new();
            probe.ask(Time::ZERO);
            let pto = Duration::from_millis(pto);
            let (_, silent) = run(&mut probe, Time::ZERO, Duration::from_secs(10), pto);
            assert_eq!(silent, Some(Duration::from_millis(expected)), "{pto:?}");
        }
    }

    #[test]
    fn a_silent_client_costs_little_and_less_with_time() {
        let mut probe = LivenessProbe::new();
        probe.ask(Time::ZERO);
        let day = Duration::from_secs(86_400);
        let (sent, _) = run(&mut probe, Time::ZERO, day, Duration::from_millis(50));
        assert_eq!((sent, probe.due()), (CHALLENGES + 6, Time::NEVER));
        let now = Time::ZERO + day;
        probe.ask(now);
        assert!(!probe.on_timeout(now, WAIT) && probe.take_owed());
        probe.ask(now);
        assert!(!probe.take_owed() && probe.due() == now + WANTED_AGAIN, "not with each question");
        assert!(probe.on_heard() && !probe.on_heard());
        assert_eq!(probe.due(), Time::NEVER);
    }
}
