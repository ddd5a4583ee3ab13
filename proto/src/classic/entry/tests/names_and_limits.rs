//! Which id a client gets, and what is bounded.

use super::*;

#[test]
fn the_id_that_was_free_for_longest_is_next() {
    dialogue(
        "client => > C0
         client => > C1
         rst 1  => > X1
         +1s    => > C0
         rst 0  => > X0
         client => > C2
         client => > C3
         client => > C4
         client => > C5
         client => > C6
         client => > C7
         client => > C8
         client => > C9
         client => > C1
         client => > C0",
    );
}

/// The last of [`TEN`] is closed, so that the next client has no choice but id 9.
const CLOSED: &str = "
         rst 9  => > X9";

#[test]
fn an_id_without_rest_trusts_nothing_before_its_answer() {
    let script = "
         client     => > C9
         < D9theirs =>
         < X9       =>
         < C9OK     => opened 9
         < D9mine   => data 9 mine";
    let entry = dialogue(&format!("{TEN}{CLOSED}{script}"));
    assert_eq!((entry.counters().unrested, entry.counters().drops.stale), (1, 2));
}

#[test]
fn a_rested_id_keeps_data_that_overtook_its_answer() {
    let script = "
         < C0OK     => opened 0
         < C1OK     => opened 1
         +1s        => > C2, > C3, > C4, > C5, > C6, > C7, > C8
         client     => > C9
         < D9ho     =>
         < D9la     =>
         < C9OK     => opened 9 with hola
         < D9!      => data 9 !";
    let entry = dialogue(&format!("{TEN}{CLOSED}{script}"));
    assert_eq!((entry.counters().unrested, entry.counters().drops.total()), (0, 0));
}

#[test]
fn early_data_is_bounded() {
    let entry = dialogue_with(
        Settings { early_limit: 4, ..Settings::default() },
        "client     => > C0
         < D0abc    =>
         < D0de     => breaks early-data
         < D0f      =>
         < C0OK     => opened 0 with abcf",
    );
    assert_eq!(entry.counters().drops.early_full, 1);
}

#[test]
fn the_name_of_a_stream_that_is_over_does_nothing() {
    let mut entry = Entry::new(Settings::default());
    let first: Vec<_> = (0..10).map(|_| entry.open(Time::ZERO).unwrap()).collect();
    entry.close(Time::ZERO, first[4]);
    let second = entry.open(Time::ZERO).unwrap();
    assert_eq!(second.id(), first[4].id());
    while entry.poll_transmit().is_some() {}

    entry.close(Time::ZERO, first[4]);
    entry.finish(Time::ZERO, first[4]);
    assert_eq!(entry.poll_transmit(), None);
    assert!(entry.contains(second) && !entry.contains(first[4]));
}

#[test]
fn answers_to_strays_are_bounded_when_nobody_drains() {
    let mut entry = Entry::new(Settings::default());
    for _ in 0..1000 {
        entry.handle_datagram(Time::ZERO, b"D0");
    }
    assert_eq!(std::iter::from_fn(|| entry.poll_transmit()).count(), ANSWERS_QUEUED);
    assert_eq!(entry.counters().strays_answered + entry.counters().unanswered, 1000);
}
