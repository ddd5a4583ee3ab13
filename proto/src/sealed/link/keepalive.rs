//! How often an idle client shows itself, so that nothing on the way forgets it.
//!
//! A NAT or a firewall lets the server's packets in for as long as it remembers the client's last one: two minutes at
//! least, says RFC 4787 (section 4.3), and ten seconds, say some. One that has forgotten the client shows itself so: of what
//! the server sent meanwhile nothing came, not even what it sent again, and all that it sends comes as soon as the client has
//! sent one packet. Some forget so thoroughly that not even that helps: then another port does.

use super::path::FourTuple;
use crate::time::Time;
use std::ops::Range;
use std::time::Duration;

/// The shortest interval, and the shortest time without a packet of the client's that means anything: nothing on the
/// way is known to forget sooner, and an interval of 2 s costs 0.2 kbit/s.
const LEAST: Duration = Duration::from_secs(2);

/// The client was forgotten within some time; the new interval is two fifths of it. Half of it would do as well, were the timers on the
/// way not coarse.
const SHARE: (u32, u32) = (2, 5);

/// So many packets in a row are missing only where nothing came through: one may be lost by chance, one number may be left
/// out by the sender.
const MISSING: u64 = 3;

/// How long after the client's packet the next of the server may come, beyond two round trips.
const PROMPT: Duration = Duration::from_millis(50);

/// How long packets may be late, if a round trip is shorter: wireless networks hold some back.
const LATE: Duration = Duration::from_millis(100);

/// How soon another port must have helped: later it may as well be that the path was dead, and is not any more.
const SOON: Duration = Duration::from_secs(10);

/// The interval, and what is watched to learn a better one.
#[derive(Debug)]
pub(super) struct Keepalive {
    /// Zero: never.
    interval: Duration,
    watch: Expecting,
    /// The last silence of the client's was followed by one of the server's, which another port ended. Once that may be a path
    /// that was dead for a moment.
    suspected: bool,
}

/// What a client that has sent something after a silence of its own waits for.
#[derive(Debug)]
enum Expecting {
    Nothing,
    /// The next packet of the server.
    Answer(Awoken),
    /// Packets whose numbers were passed over: they may be late, and not have been lost.
    Late(Gap),
}

#[derive(Debug)]
struct Awoken {
    at: Time,
    /// How long the client had sent nothing.
    idle: Duration,
    /// The highest packet number heard before.
    highest: Option<u64>,
}

#[derive(Debug)]
struct Gap {
    idle: Duration,
    /// The numbers that are missing.
    numbers: Range<u64>,
    came: u64,
    /// What has not come by then was lost.
    until: Time,
}

impl Keepalive {
    /// After so long without a packet; zero: never.
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, watch: Expecting::Nothing, suspected: false }
    }

    /// After how long without a packet of its own the client shows itself; zero: never.
    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) const fn set(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Whether the next packet heard may teach something.
    pub(super) const fn is_watching(&self) -> bool {
        !matches!(self.watch, Expecting::Nothing)
    }

    /// The client sends packets, after it has sent nothing for `idle`; `highest`: the highest packet number it has heard.
    pub(super) fn on_sending(&mut self, now: Time, idle: Duration, highest: Option<u64>) {
        if idle >= LEAST {
            self.watch = Expecting::Answer(Awoken { at: now, idle, highest });
        }
    }

    /// The client hears the packet `counter`. Returns the interval if that taught a shorter one.
    pub(super) fn on_heard(&mut self, now: Time, counter: u64, round_trip: Duration) -> Option<Duration> {
        match &mut self.watch {
            Expecting::Nothing => None,
            Expecting::Answer(awoken) => {
                let first = awoken.highest.map_or(counter, |highest| highest + 1);
                let prompt = now.since(awoken.at) <= round_trip * 2 + PROMPT;
                let numbers = first..counter;
                self.suspected = false;
                self.watch = if prompt && counter.saturating_sub(first) >= MISSING {
                    let until = now + round_trip.max(LATE);
                    Expecting::Late(Gap { idle: awoken.idle, numbers, came: 0, until })
                } else {
                    Expecting::Nothing
                };
                None
            }
            Expecting::Late(gap) if now < gap.until => {
                gap.came += u64::from(gap.numbers.contains(&counter));
                None
            }
            Expecting::Late(gap) => {
                let missing = (gap.numbers.end - gap.numbers.start).saturating_sub(gap.came);
                let idle = gap.idle;
                self.watch = Expecting::Nothing;
                if missing >= MISSING { self.was_forgotten_within(idle) } else { None }
            }
        }
    }

    /// The client has found its peer at `to`, after it had been silent at `from`; `at_first_try`: the first initiation from another
    /// socket was answered at once, while those from the old one were not. Returns what [`Self::on_heard`] does, the second time in a row.
    pub(super) fn on_move(
        &mut self,
        now: Time,
        from: FourTuple,
        to: FourTuple,
        at_first_try: bool,
    ) -> Option<Duration> {
        let helped = at_first_try && from.remote == to.remote && from.socket != to.socket;
        let Expecting::Answer(awoken) = std::mem::replace(&mut self.watch, Expecting::Nothing) else {
            return None;
        };
        let suspected = helped && now.since(awoken.at) <= SOON;
        let again = std::mem::replace(&mut self.suspected, suspected) && suspected;
        if again { self.was_forgotten_within(awoken.idle) } else { None }
    }

    fn was_forgotten_within(&mut self, idle: Duration) -> Option<Duration> {
        let interval = (idle * SHARE.0 / SHARE.1).max(LEAST);
        if interval >= self.interval {
            return None;
        }
        self.interval = interval;
        Some(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::link::SocketId;

    const SECOND: Duration = Duration::from_secs(1);
    const ROUND_TRIP: Duration = Duration::from_millis(40);

    fn at(seconds: u32) -> Time {
        Time::ZERO + SECOND * seconds
    }

    /// Heard 9, sent something after `idle`, then heard these, the first after `wait`, and one more a second later.
    fn learnt(idle: Duration, counters: &[u64], wait: Duration) -> Option<Duration> {
        let mut keepalive = Keepalive::new(SECOND * 20);
        keepalive.on_sending(at(60), idle, Some(9));
        for counter in counters {
            assert_eq!(keepalive.on_heard(at(60) + wait, *counter, ROUND_TRIP), None, "some may be late");
        }
        keepalive.on_heard(at(62), 100, ROUND_TRIP)
    }

    #[test]
    fn packets_that_never_came_until_the_client_sent_one_shorten_the_interval() {
        assert_eq!(learnt(SECOND * 20, &[13], ROUND_TRIP), Some(SECOND * 8));
        assert_eq!(learnt(SECOND * 3, &[13], ROUND_TRIP), Some(LEAST), "no less");
        assert_eq!(learnt(SECOND * 20, &[12], ROUND_TRIP), None, "two may be lost by chance");
        assert_eq!(learnt(SECOND * 20, &[14, 12, 10], ROUND_TRIP), None, "they were late");
        assert_eq!(learnt(SECOND * 20, &[99], SECOND), None, "the path was dead, and came back by itself");
        assert_eq!(learnt(SECOND, &[99], ROUND_TRIP), None, "the client has just been heard");
        assert_eq!(learnt(SECOND * 60, &[99], ROUND_TRIP), None, "20 s are less than two fifths of that");
    }

    #[test]
    fn a_port_that_helps_where_the_old_one_does_not_shortens_it_too() {
        let from = FourTuple::from(std::net::SocketAddr::from(([192, 0, 2, 1], 9)));
        let to = FourTuple { socket: SocketId(1), ..from };
        let some = Some(SECOND * 8);
        for (to, wait, first, expected) in
            [(to, 4, true, some), (to, 4, false, None), (to, 11, true, None), (from, 4, true, None)]
        {
            let mut keepalive = Keepalive::new(SECOND * 20);
            for (time, expected) in [(60, None), (160, expected)] {
                keepalive.on_sending(at(time), SECOND * 20, Some(9));
                let learnt = keepalive.on_move(at(time + wait), from, to, first);
                assert_eq!(learnt, expected, "{to:?} after {wait} s");
            }
        }
    }

    #[test]
    fn who_wants_none_gets_none() {
        let mut keepalive = Keepalive::new(Duration::ZERO);
        keepalive.on_sending(at(60), SECOND * 20, Some(9));
        keepalive.on_heard(at(60) + ROUND_TRIP, 20, ROUND_TRIP);
        assert_eq!(keepalive.on_heard(at(62), 30, ROUND_TRIP), None);
    }
}
