//! How often an idle client shows itself, so that nothing on the way forgets it.
//!
//! A NAT or a firewall lets the server's packets in for as long as it remembers the client's last one: two minutes at
//! least, says RFC 4787 (section 4.3), and ten seconds, say some. One that has forgotten the client shows itself so: of what
//! the server sent meanwhile nothing came, not even what it sent again, and all that it sends comes as soon as the client has
//! sent one packet. Some forget so thoroughly that not even that helps: then another port does.

use super::FourTuple;
use crate::time::Time;
use std::time::Duration;

/// The shortest interval, and the shortest time without a packet of the client's that means anything: nothing on the
/// way is known to forget sooner, and an interval of 2 s costs 0.2 kbit/s.
const LEAST: Duration = Duration::from_secs(2);

/// The client was forgotten within some time: two fifths of it are less than any time that is not far off that one, half of it is
/// not, if the rest of the timers on the way are coarse.
const SHARE: (u32, u32) = (2, 5);

/// So many packets in a row are missing only where nothing came through: one may be lost by chance, one number may be left
/// out by the sender.
const MISSING: u64 = 3;

/// How long after the client's packet the next of the server may come, beyond two round trips.
const PROMPT: Duration = Duration::from_millis(50);

/// How soon another port must have helped: later it may as well be that the path was dead, and is not any more.
const SOON: Duration = Duration::from_secs(10);

/// The interval, and what is watched to learn a better one.
#[derive(Debug)]
pub(super) struct Keepalive {
    /// Zero: never.
    interval: Duration,
    awoken: Option<Awoken>,
}

/// The client has sent something after a silence of its own, and has not heard anything since.
#[derive(Debug)]
struct Awoken {
    at: Time,
    /// How long it had sent nothing.
    idle: Duration,
    /// The highest packet number heard before.
    highest: Option<u64>,
}

impl Keepalive {
    /// After so long without a packet; zero: never.
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, awoken: None }
    }

    /// After how long without a packet of its own the client shows itself; zero: never.
    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) const fn set(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// The client sends something, for the first time in `idle`; `highest`: the highest packet number it has heard.
    pub(super) fn on_sending(&mut self, now: Time, idle: Duration, highest: Option<u64>) {
        if idle >= LEAST {
            self.awoken = Some(Awoken { at: now, idle, highest });
        }
    }

    /// The client hears the packet `counter`. Returns the interval if that taught a shorter one.
    pub(super) fn on_heard(&mut self, now: Time, counter: u64, round_trip: Duration) -> Option<Duration> {
        let awoken = self.awoken.take()?;
        let missing = awoken.highest.map_or(0, |highest| counter.saturating_sub(highest + 1));
        let prompt = now.since(awoken.at) <= round_trip * 2 + PROMPT;
        if missing >= MISSING && prompt { self.was_forgotten_within(awoken.idle) } else { None }
    }

    /// The client has found its peer again at `to`, after it had been silent at `from`. Returns what [`Self::on_heard`] does.
    pub(super) fn on_move(&mut self, now: Time, from: FourTuple, to: FourTuple) -> Option<Duration> {
        let helped = from.remote == to.remote && from.socket != to.socket;
        let awoken = self.awoken.take().filter(|awoken| helped && now.since(awoken.at) <= SOON)?;
        self.was_forgotten_within(awoken.idle)
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

    /// Heard 9, sent something after `idle`, then heard `counter` after `wait`.
    fn learnt(idle: Duration, counter: u64, wait: Duration) -> Option<Duration> {
        let mut keepalive = Keepalive::new(SECOND * 20);
        keepalive.on_sending(at(60), idle, Some(9));
        keepalive.on_heard(at(60) + wait, counter, ROUND_TRIP)
    }

    #[test]
    fn packets_that_never_came_until_the_client_sent_one_shorten_the_interval() {
        assert_eq!(learnt(SECOND * 20, 13, ROUND_TRIP), Some(SECOND * 8));
        assert_eq!(learnt(SECOND * 3, 13, ROUND_TRIP), Some(LEAST), "no less");
        assert_eq!(learnt(SECOND * 20, 12, ROUND_TRIP), None, "two may be lost by chance");
        assert_eq!(learnt(SECOND * 20, 99, SECOND), None, "the path was dead, and came back by itself");
        assert_eq!(learnt(SECOND, 99, ROUND_TRIP), None, "the client has just been heard");
        assert_eq!(learnt(SECOND * 60, 99, ROUND_TRIP), None, "20 s are less than two fifths of that");
    }

    #[test]
    fn a_port_that_helps_where_the_old_one_does_not_shortens_it_too() {
        let from = FourTuple::from(std::net::SocketAddr::from(([192, 0, 2, 1], 9)));
        let to = FourTuple { socket: SocketId(1), ..from };
        for (to, wait, expected) in [(to, 4, Some(SECOND * 8)), (to, 11, None), (from, 4, None)] {
            let mut keepalive = Keepalive::new(SECOND * 20);
            keepalive.on_sending(at(60), SECOND * 20, Some(9));
            assert_eq!(keepalive.on_move(at(60 + wait), from, to), expected, "{to:?} after {wait} s");
        }
    }

    #[test]
    fn who_wants_none_gets_none() {
        let mut keepalive = Keepalive::new(Duration::ZERO);
        keepalive.on_sending(at(60), SECOND * 20, Some(9));
        assert_eq!(keepalive.on_heard(at(60) + ROUND_TRIP, 20, ROUND_TRIP), None);
    }
}
