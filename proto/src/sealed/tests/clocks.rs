//! Clocks that are wrong keep nobody out, and an old initiation still gets nobody in.

use std::time::Duration;

use super::pair::*;
use crate::sealed::handshake::challenge::CHALLENGE_LIFE;
use crate::sealed::handshake::initiator::{Identity, Initiator, Outcome};
use crate::sealed::handshake::responder::{DroppedInitiation, Responder, Settings, Verdict};
use crate::sealed::handshake::terms::{Epoch, Incarnation, LinkId, Refusal, UnixMicros};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: i64 = 60_000_000;
const YEAR: i64 = 365 * 24 * 60 * MINUTE;

impl Pair {
    /// Only proxy1's clock is set.
    fn set_clock(&mut self, micros: i64) {
        self.skew += micros;
    }

    /// Asks until it is let in; how often it was told that its stamp is not acceptable.
    fn shake_until_in(&mut self) -> u32 {
        self.shake_until_in_beside(&[])
    }

    /// The same while somebody sends `copies` from its address before each of its own.
    fn shake_until_in_beside(&mut self, copies: &[&[u8]]) -> u32 {
        for refusals in 0..3 {
            let initiation = self.ask();
            let mut verdict = self.hear_behind(copies, &initiation);
            if let Verdict::Cookie(reply) = verdict {
                let Outcome::Resend { message: proven, .. } = self.tell(&reply) else { panic!("not resent") };
                verdict = self.hear_behind(copies, &proven);
            }
            match verdict {
                Verdict::Request(request) => {
                    let (response, _) = request.accept(SERVER_INDEX, Incarnation(0), SERVER_LIMITS);
                    established(self.tell(&response));
                    return refusals;
                }
                Verdict::Refused { why, response, .. } => {
                    assert_eq!(why, Refusal::ClockOff);
                    assert!(response.len() <= initiation.len());
                    assert_eq!(refused(self.tell(&response)).time, self.unix, "proxy2's clock");
                }
                verdict @ (Verdict::Drop(_) | Verdict::Cookie(_)) => panic!("not told but {verdict:?}"),
            }
        }
        panic!("kept out");
    }

    fn hear_behind(&mut self, copies: &[&[u8]], datagram: &[u8]) -> Verdict {
        for copy in copies {
            let verdict = self.hear(copy);
            assert!(!matches!(verdict, Verdict::Request(_)), "an old initiation makes a link");
        }
        self.hear(datagram)
    }
}

fn dropped(verdict: Verdict) -> DroppedInitiation {
    let Verdict::Drop(why) = verdict else { panic!("not dropped but {verdict:?}") };
    why
}

/// An initiation that was refused because of its stamp, and the next, which returns the challenge.
fn challenged(pair: &mut Pair) -> [Vec<u8>; 2] {
    pair.set_clock(YEAR);
    let first = pair.ask();
    let Verdict::Refused { why: Refusal::ClockOff, response, .. } = pair.hear(&first) else {
        panic!("let in")
    };
    refused(pair.tell(&response));
    [first, pair.ask()]
}

#[test]
fn only_beyond_the_tolerance_a_challenge_is_needed() {
    let tolerance = 600_000_000;
    for (off, refusals) in [(-tolerance - 1, 1), (-tolerance, 0), (tolerance, 0), (tolerance + 1, 1)] {
        let mut pair = Pair::new();
        pair.set_clock(off);
        assert_eq!(pair.shake_until_in(), refusals, "{off} microseconds off");
    }
}

#[test]
fn any_clock_gets_in_with_the_second_initiation() {
    let unix = i64::try_from(NEW_YEAR.0).unwrap();
    for preshared in [false, true] {
        for off in [-unix, -YEAR, -3 * 60 * MINUTE, 3 * 60 * MINUTE, YEAR, i64::MAX - unix] {
            let mut pair = Pair::with(preshared, AES, settings(AES));
            pair.set_clock(off);
            assert_eq!(pair.shake_until_in(), 1, "{off} microseconds off");
            pair.pass(SECOND);
            assert_eq!(pair.shake_until_in(), 0, "{off} microseconds off: the challenge is still good");
            pair.pass(SECOND * 120);
            assert_eq!(pair.shake_until_in(), 1, "{off} microseconds off, later");
        }
    }
}

#[test]
fn a_clock_that_is_set_right_gets_in_at_once() {
    for off in [5, 9, 11, 15, 19, 25, 60 * 24].map(|minutes| minutes * MINUTE) {
        let mut pair = Pair::new();
        pair.set_clock(off);
        pair.shake_until_in();
        pair.pass(SECOND * 45);
        pair.set_clock(-off);
        assert!(pair.shake_until_in() <= 1, "{off} microseconds ahead");
        pair.pass(SECOND * 45);
        assert_eq!(pair.shake_until_in(), 0, "{off} microseconds ahead, and long forgotten");
    }
}

#[test]
fn stamps_that_proxy2_never_had_do_not_count() {
    for off in [9, 15, 60 * 24].map(|minutes| minutes * MINUTE) {
        let mut pair = Pair::new();
        pair.set_clock(off);
        for _ in 0..5 {
            pair.ask();
            pair.pass(SECOND);
        }
        pair.set_clock(-off);
        assert!(pair.shake_until_in() <= 1, "{off} microseconds ahead");
    }
}

#[test]
fn the_clock_of_proxy2_may_be_as_wrong() {
    for off in [-YEAR, -15 * MINUTE, 15 * MINUTE, YEAR] {
        let mut pair = Pair::new();
        pair.shake_until_in();
        pair.unix.0 = pair.unix.0.checked_add_signed(off).unwrap();
        pair.set_clock(-off);
        assert_eq!(pair.shake_until_in(), 1, "{off} microseconds");
        pair.pass(SECOND * 120);
        pair.unix.0 = pair.unix.0.checked_add_signed(-off).unwrap();
        pair.set_clock(off);
        assert!(pair.shake_until_in() <= 1, "set right after {off} microseconds");
    }
}

#[test]
fn a_restart_of_proxy2_costs_one_more_initiation() {
    let mut pair = Pair::new();
    let [_, initiation] = challenged(&mut pair);
    pair.responder = restarted(&pair);
    let Verdict::Refused { why: Refusal::ClockOff, response, .. } = pair.hear(&initiation) else { panic!() };
    refused(pair.tell(&response));
    assert_eq!(pair.shake_until_in(), 0);
}

/// Another proxy2 process.
fn restarted(pair: &Pair) -> Responder {
    let settings = Settings { epoch: Epoch(100), ..settings(AES) };
    let random = crate::sealed::crypto::random::Random::from_seed([0x23; 32]);
    let mut responder = Responder::new(pair.now, server_key(), settings, random);
    responder.allow(pair.ticket.client(), None);
    responder
}

#[test]
fn an_initiation_with_a_challenge_is_good_once() {
    let mut pair = Pair::new();
    let [first, second] = challenged(&mut pair);
    let third = pair.ask();
    request(pair.hear(&third));
    for initiation in [&second, &third] {
        assert_eq!(dropped(pair.hear(initiation)), DroppedInitiation::Replayed);
    }
    for seconds in 1..120 {
        pair.pass(SECOND);
        for initiation in [&first, &second, &third] {
            let verdict = pair.hear(initiation);
            assert!(!matches!(verdict, Verdict::Request(_)), "after {seconds} s");
        }
    }
}

#[test]
fn a_challenge_that_is_not_returned_in_time_is_replaced() {
    let mut pair = Pair::new();
    let [_, late] = challenged(&mut pair);
    pair.pass(CHALLENGE_LIFE * 2);
    let Verdict::Refused { why: Refusal::ClockOff, response, .. } = pair.hear(&late) else {
        panic!("let in")
    };
    refused(pair.tell(&response));
    assert_eq!(pair.shake_until_in(), 0);
}

#[test]
fn a_challenge_is_for_one_link() {
    let mut pair = Pair::new();
    challenged(&mut pair);
    pair.initiator.set_link(LinkId(78));
    pair.pass(SECOND);
    assert_eq!(pair.shake_until_in(), 1);
}

/// A proxy2 that does 100 handshakes a second.
fn slow() -> Pair {
    Pair::with(false, AES, Settings { handshakes_per_second: 100, ..settings(AES) })
}

#[test]
fn old_initiations_cost_no_more_than_is_allowed() {
    let mut pair = slow();
    let [first, _] = challenged(&mut pair);
    let mut responses = 0;
    for _ in 0..10_000 {
        pair.pass(SECOND / 1_000);
        match pair.hear(&first) {
            Verdict::Cookie(reply) => assert!(reply.len() < first.len()),
            verdict @ (Verdict::Drop(_) | Verdict::Refused { .. } | Verdict::Request(_)) => {
                assert_eq!(why_refused(verdict), Some(Refusal::ClockOff));
                responses += 1;
            }
        }
    }
    assert!((990..=1_025).contains(&responses), "{responses} in ten seconds");
}

#[test]
fn who_repeats_old_initiations_does_not_keep_their_owner_out() {
    let mut pair = Pair::new();
    let [first, second] = challenged(&mut pair);
    for from in [address(9, 1), ADDRESS] {
        for _ in 0..20 {
            pair.pass(CHALLENGE_LIFE * 2);
            pair.responder.handle(pair.now, pair.unix, from, &first);
            assert_eq!(pair.shake_until_in_beside(&[&first, &second]), 1);
        }
    }
}

/// Nor if they are so many that addresses must be proven.
#[test]
fn a_flood_of_old_initiations_does_not_keep_their_owner_out() {
    let mut pair = slow();
    let [first, second] = challenged(&mut pair);
    for _ in 0..20 {
        for _ in 0..2_000 {
            pair.pass(SECOND / 1_000);
            pair.hear_behind(&[&first], &second);
        }
        pair.pass(CHALLENGE_LIFE * 2);
        for _ in 0..200 {
            pair.pass(SECOND / 1_000);
            pair.hear_behind(&[&first], &second);
        }
        assert_eq!(pair.shake_until_in_beside(&[&first, &second]), 1);
    }
}

/// Nor does who can send from any address.
#[test]
fn old_initiations_from_forged_addresses_do_not_keep_their_owner_out() {
    let mut pair = Pair::new();
    let [first, _] = challenged(&mut pair);
    pair.pass(CHALLENGE_LIFE * 2);
    for last in 0..=255 {
        pair.responder.handle(pair.now, pair.unix, address(last, 1), &first);
    }
    assert_eq!(pair.shake_until_in(), 1);
}

#[test]
fn many_links_with_wrong_clocks_come_in_together_from_one_address() {
    let mut pair = Pair::new();
    pair.set_clock(YEAR);
    for link in 0..60 {
        let identity = Identity { link: LinkId(link), ..identity(AES) };
        pair.initiator = Initiator::new(pair.ticket.clone(), identity);
        assert_eq!(pair.shake_until_in(), 1, "link {link}");
    }
}

#[test]
fn the_greatest_stamp_is_no_end() {
    let mut pair = Pair::new();
    pair.skew = i64::MAX - i64::try_from(NEW_YEAR.0).unwrap();
    for _ in 0..3 {
        pair.shake_until_in();
        pair.pass(SECOND * 120);
    }
    assert_eq!(pair.clock(), UnixMicros(i64::MAX as u64));
}
