//! What an exit holds, and answers, is bounded.

use super::*;

#[test]
fn early_data_is_bounded() {
    let exit = dialogue_with(
        Settings { early_limit: 4, ..Settings::default() },
        "a< C1    => dial a1
         a< D1abc =>
         a< D1de  => breaks early-data
         a< D1f   =>
         ok a1    => early [abcf], a> C1OK",
    );
    assert_eq!(exit.counters().drops.early_full, 1);
}

#[test]
fn one_peer_too_many_is_refused_and_those_there_go_on() {
    let exit = dialogue_with(
        Settings { max_peers: 2, ..Settings::default() },
        "a< C1 => dial a1
         b< C1 => dial b1
         c< C1 => c> C1NOK, breaks peers
         a< C2 => dial a2
         a< X1 => closed a1: closed by the peer
         c< C1 => c> C1NOK, breaks peers
         a< X2 => closed a2: closed by the peer
         c< C1 => dial c1",
    );
    assert_eq!((exit.peers(), exit.counters().drops.too_many_peers), (2, 2));
}

#[test]
fn strangers_leave_nothing_behind() {
    let mut exit = Exit::new(Settings::default());
    for stranger in 0..10_000_u32 {
        exit.handle_datagram(Time::ZERO, stranger, b"D0anything");
        exit.handle_datagram(Time::ZERO, stranger, b"X0");
        assert_eq!(exit.poll_transmit().map(|(peer, _)| peer), Some(stranger));
    }
    assert_eq!((exit.peers(), exit.streams(), exit.poll_timeout(), exit.poll_transmit()), (0, 0, None, None));
}

#[test]
fn answers_to_strangers_are_bounded_when_nobody_drains() {
    let mut exit = Exit::new(Settings::default());
    for _ in 0..1000 {
        exit.handle_datagram(Time::ZERO, 'a', b"D0");
    }
    assert_eq!(std::iter::from_fn(|| exit.poll_transmit()).count(), ANSWERS_QUEUED);
    assert_eq!(exit.counters().strays_answered + exit.counters().unanswered, 1000);
}

#[test]
fn an_answer_to_a_stranger_is_never_larger_than_its_data() {
    let mut exit = Exit::new(Settings::default());
    exit.handle_datagram(Time::ZERO, 'a', b"D0");
    assert_eq!(exit.poll_transmit().map(|(_, datagram)| datagram.len()), Some(2));
}

/// Addresses can be forged: what all of them together make an exit hold while its target hangs is bounded.
#[test]
fn early_data_of_all_streams_has_a_bound() {
    let settings = Settings { early_limit: 4, early_total: 10, ..Settings::default() };
    let exit = dialogue_with(
        settings,
        "a< C1     => dial a1
         b< C1     => dial b1
         c< C1     => dial c1
         a< D1hola =>
         b< D1hey  =>
         c< D1aho  =>
         c< D1     =>
         b< D1x    => breaks early-data
         nok a1    => a> C1NOK
         b< D1y    =>
         ok b1     => early [heyy], b> C1OK
         ok c1     => early [aho], c> C1OK",
    );
    assert_eq!(exit.counters().drops.early_full, 1, "`x` did not fit, `y` did when `hola` was gone");
    assert_eq!(exit.early, 0);
}

#[test]
fn what_is_remembered_of_ends_is_bounded() {
    let mut exit = Exit::new(Settings::default());
    for peer in 0..10_000_u32 {
        exit.handle_datagram(Time::ZERO, peer, b"C1");
        exit.handle_datagram(Time::ZERO, peer, b"X1");
        while exit.poll_transmit().is_some() {}
    }
    exit.handle_datagram(Time::ZERO, 0, b"D1");
    assert_eq!(exit.poll_violation(), Some(Violation::DataNotOpen(StreamId::new(1).unwrap())));
    exit.handle_datagram(Time::ZERO, 9_999, b"D1");
    assert_eq!(exit.poll_violation(), None);
}
