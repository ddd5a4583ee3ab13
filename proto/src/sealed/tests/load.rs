//! Many handshakes: cookies, and a limit.

use std::time::Duration;

use super::pair::*;
use crate::sealed::acceptor::{Dropped, Settings, Verdict};
use crate::sealed::cookie::COOKIE_REPLY_LEN;
use crate::sealed::initiator::{Ignored, Outcome};

const ELSEWHERE: &[u8] = &[192, 0, 2, 2];

/// A proxy2 that is busy: of four handshakes a second, three have just been.
fn busy() -> Pair {
    let mut pair = Pair::with(false, AES, Settings { handshakes_per_second: 4, ..settings(AES) });
    for _ in 0..3 {
        pair.shake();
    }
    pair
}

fn cookie(verdict: Verdict) -> Vec<u8> {
    let Verdict::Cookie(reply) = verdict else { panic!("no cookie but {verdict:?}") };
    assert_eq!(reply.len(), COOKIE_REPLY_LEN);
    reply
}

fn resend(outcome: Outcome) -> Vec<u8> {
    let Outcome::Resend(question) = outcome else { panic!("not resent but {outcome:?}") };
    question
}

#[test]
fn who_proves_its_address_is_heard() {
    let mut pair = busy();
    let question = pair.ask();
    let reply = cookie(pair.hear(&question));
    let again = resend(pair.tell(&reply));
    assert_eq!(again.len(), question.len());
    let (answer, _) = request(pair.hear(&again)).accept(SERVER_INDEX, false, SERVER_LIMITS);
    established(pair.tell(&answer));
}

#[test]
fn a_cookie_is_good_for_the_next_question_too() {
    let mut pair = busy();
    let question = pair.ask();
    let reply = cookie(pair.hear(&question));
    resend(pair.tell(&reply));
    let next = pair.ask();
    request(pair.hear(&next));
}

#[test]
fn a_cookie_is_good_at_one_address() {
    let mut pair = busy();
    let question = pair.ask();
    let reply = cookie(pair.hear(&question));
    let again = resend(pair.tell(&reply));
    cookie(pair.acceptor.handle(pair.now, pair.unix, ELSEWHERE, &again));
    request(pair.hear(&again));
}

#[test]
fn a_cookie_ends() {
    let mut pair = busy();
    let question = pair.ask();
    let reply = cookie(pair.hear(&question));
    resend(pair.tell(&reply));
    pair.pass(Duration::from_secs(119));
    assert_ne!(pair.ask()[181..], [0; 16], "proxy1 still uses it");
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.ask()[181..], [0; 16], "and then no longer");
}

#[test]
fn a_changed_cookie_reply_is_ignored() {
    let mut pair = busy();
    let question = pair.ask();
    let reply = cookie(pair.hear(&question));
    for at in 0..reply.len() {
        let mut changed = reply.clone();
        changed[at] ^= 1;
        assert!(matches!(
            ignored(pair.tell(&changed)),
            Ignored::Malformed | Ignored::Unasked | Ignored::Forged
        ));
        assert_eq!(ignored(pair.tell(&reply[..at])), Ignored::Malformed);
    }
    resend(pair.tell(&reply));
    assert_eq!(ignored(pair.tell(&reply)), Ignored::Unasked, "one cookie resends one question once");
}

#[test]
fn a_changed_proof_is_no_proof() {
    let mut pair = busy();
    let question = pair.ask();
    let reply = cookie(pair.hear(&question));
    let again = resend(pair.tell(&reply));
    for at in again.len() - 16..again.len() {
        let mut changed = again.clone();
        changed[at] ^= 1;
        cookie(pair.hear(&changed));
    }
    request(pair.hear(&again));
}

#[test]
fn beyond_the_limit_even_proven_addresses_wait() {
    let mut pair = busy();
    let question = pair.ask();
    let reply = cookie(pair.hear(&question));
    let again = resend(pair.tell(&reply));
    request(pair.hear(&again));
    let next = pair.ask();
    assert!(matches!(pair.hear(&next), Verdict::Drop(Dropped::Busy)));
    pair.pass(Duration::from_millis(250));
    request(pair.hear(&next));
}
