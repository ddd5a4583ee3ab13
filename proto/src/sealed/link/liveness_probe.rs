//! Whether the server's client answers, asked because somebody wants to count on it. Unlike what
//! [`check_liveness`](super::Link::check_liveness) does it costs the link nothing: a client that is silent may come back to it.
//!
//! It is asked by path challenges to where it is, which are answered without a delay and count for nothing else: one first, which is
//! enough nearly always; after a probe time-out some more, close to each other. A path that loses three of ten datagrams each way
//! keeps all of them from being answered once in 48,000 times; one that stands still for long does, and then its client counts as silent
//! until it is heard.

use crate::sealed::crypto::random::Random;
use crate::sealed::recovery::rtt::Rtt;
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

/// Challenges whose answers still tell how long they take: those until a client counts as silent, and as many of the time since.
const KEPT: usize = 2 * CHALLENGES as usize;

/// A client that was heard so lately is there: whoever opens streams one after the other does not ask for each.
const FRESH: Duration = Duration::from_millis(50);

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
    /// How long answers take. Of a link that carries little the transport may know nothing.
    rtt: Rtt,
    /// The token of the first challenge since it was asked; the others follow.
    first_token: u64,
    /// When they were sent.
    sent_at: Vec<Time>,
}

impl LivenessProbe {
    /// Nothing is in doubt.
    pub(super) fn new() -> Self {
        let (state, rtt) = (State::Quiet, Rtt::default());
        Self { state, owed: false, rtt, first_token: 0, sent_at: Vec::new() }
    }

    /// Somebody wants to know whether a client is there that was heard then. False if that is known. `measured`: how long it takes to
    /// answer is known without asking.
    pub(super) fn ask(&mut self, now: Time, heard_at: Time, measured: bool) -> bool {
        match &mut self.state {
            State::Quiet => {
                if now.since(heard_at) < FRESH && (measured || self.rtt.is_known()) {
                    return false;
                }
                self.sent_at.clear();
                self.state = State::Asking { sent: 0, next: now };
            }
            State::Asking { .. } => {}
            State::Silent { asked_at, next, .. } => {
                *next = (*next).min((*asked_at + WANTED_AGAIN).max(now));
            }
        }
        true
    }

    /// When [`LivenessProbe::on_timeout`] has something to do.
    pub(super) const fn due(&self) -> Time {
        match self.state {
            State::Quiet => Time::NEVER,
            State::Asking { next, .. } | State::Silent { next, .. } => next,
        }
    }

    /// Time passed. True if the client counts as silent from now on. `pto`: the transport's probe time-out; `measured`: it comes from
    /// round trips of this path.
    pub(super) fn on_timeout(&mut self, now: Time, pto: Duration, measured: bool) -> bool {
        if self.due() > now {
            return false;
        }
        let own = self.rtt.probe_timeout(Duration::ZERO);
        let pto = match (self.rtt.is_known(), measured) {
            (true, true) => pto.max(own),
            (true, false) => own,
            (false, _) => pto,
        };
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
                // As long as somebody wants to know it goes on.
                *gap = gap.saturating_mul(2);
                *next = if *gap > AGAIN_MAX { Time::NEVER } else { now + *gap };
                self.owed = true;
            }
            State::Quiet | State::Asking { .. } | State::Silent { .. } => {}
        }
        false
    }

    /// The token of the challenge that is to be sent, if one is; it counts as sent then.
    pub(super) fn take_owed(&mut self, now: Time, random: &mut Random) -> Option<u64> {
        if !std::mem::replace(&mut self.owed, false) {
            return None;
        }
        if self.sent_at.len() == KEPT {
            self.sent_at.clear();
        }
        if self.sent_at.is_empty() {
            self.first_token = random.u64();
        }
        let token = self.first_token.wrapping_add(self.sent_at.len() as u64);
        self.sent_at.push(now);
        Some(token)
    }

    /// A challenge with this token was answered; it may be another's.
    pub(super) fn on_response(&mut self, now: Time, token: u64) {
        let place = usize::try_from(token.wrapping_sub(self.first_token)).ok();
        if let Some(sent) = place.and_then(|place| self.sent_at.get(place)) {
            self.rtt.update(now, now.since(*sent), Duration::ZERO);
        }
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

    fn random() -> Random {
        Random::from_seed([7; 32])
    }

    /// Challenges within `limit`, and when it counts as silent.
    fn run(probe: &mut LivenessProbe, now: Time, limit: Duration, pto: Duration) -> (u32, Option<Duration>) {
        let (mut sent, mut silent) = (0, None);
        while probe.due() <= now + limit {
            let due = probe.due();
            if probe.on_timeout(due, pto, true) {
                silent = Some(due.since(now));
            }
            sent += u32::from(probe.take_owed(due, &mut random()).is_some());
        }
        (sent, silent)
    }

    #[test]
    fn silence_is_many_challenges_and_more_time_on_longer_paths() {
        for (pto, expected) in [(7, 520), (120, 660), (800, 4_400)] {
            let mut probe = LivenessProbe::new();
            assert!(probe.ask(Time::ZERO + FRESH, Time::ZERO, true));
            let pto = Duration::from_millis(pto);
            let (_, silent) = run(&mut probe, Time::ZERO + FRESH, Duration::from_secs(10), pto);
            assert_eq!(silent, Some(Duration::from_millis(expected)), "{pto:?}");
        }
    }

    #[test]
    fn a_silent_client_costs_little_and_less_with_time() {
        let mut probe = LivenessProbe::new();
        assert!(!probe.ask(Time::ZERO, Time::ZERO, true), "it is heard just now");
        assert!(probe.ask(Time::ZERO, Time::ZERO, false), "nobody knows how long it takes");
        let day = Duration::from_secs(86_400);
        let (sent, _) = run(&mut probe, Time::ZERO, day, Duration::from_millis(50));
        assert_eq!((sent, probe.due()), (CHALLENGES + 6, Time::NEVER));
        let now = Time::ZERO + day;
        assert!(probe.ask(now, Time::ZERO, true));
        assert!(!probe.on_timeout(now, WAIT, true) && probe.take_owed(now, &mut random()).is_some());
        assert!(probe.ask(now, Time::ZERO, true));
        assert!(
            probe.take_owed(now, &mut random()).is_none() && probe.due() == now + WANTED_AGAIN,
            "not with each question"
        );
        assert!(probe.on_heard() && !probe.on_heard());
        assert_eq!(probe.due(), Time::NEVER);
    }

    #[test]
    fn a_silent_client_may_be_wanted_for_days() {
        let mut probe = LivenessProbe::new();
        assert!(probe.ask(Time::ZERO + FRESH, Time::ZERO, true));
        let (_, silent) = run(&mut probe, Time::ZERO + FRESH, Duration::from_secs(1), WAIT);
        assert!(silent.is_some());
        let mut now = Time::ZERO + Duration::from_secs(2);
        for _ in 0..1_000 {
            assert!(probe.ask(now, Time::ZERO, true) && probe.due() <= now + WANTED_AGAIN);
            now = probe.due().max(now);
            assert!(!probe.on_timeout(now, WAIT, true));
            assert!(probe.take_owed(now, &mut random()).is_some());
        }
        assert!(probe.sent_at.len() <= KEPT, "{}", probe.sent_at.len());
    }

    #[test]
    fn how_long_answers_take_is_learnt_from_them() {
        let (mut probe, second) = (LivenessProbe::new(), Duration::from_secs(1));
        let mut now = Time::ZERO;
        for delay in [2_u32, 2, 2] {
            assert!(probe.ask(now, Time::ZERO, false));
            let first = now;
            let mut token = None;
            while probe.due() <= first {
                probe.on_timeout(first, second, false);
                token = token.or_else(|| probe.take_owed(first, &mut random()));
            }
            now += Duration::from_millis(1) * delay;
            probe.on_heard();
            probe.on_response(now, token.expect("it is asked"));
            probe.on_response(now, 1 << 40);
            now += second;
        }
        probe.ask(now, Time::ZERO, false);
        let silent = silent_after(&mut probe, now);
        assert_eq!(silent, Some(Duration::from_millis(520)), "not five seconds");
    }

    /// After how long it counts as silent where the transport knows nothing of the path.
    fn silent_after(probe: &mut LivenessProbe, now: Time) -> Option<Duration> {
        while probe.due() != Time::NEVER {
            let due = probe.due();
            if probe.on_timeout(due, Duration::from_secs(1), false) {
                return Some(due.since(now));
            }
            probe.take_owed(due, &mut random());
        }
        None
    }
}
