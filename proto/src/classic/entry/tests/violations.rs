//! What breaks a rule, and what only looks so.

use super::*;

#[test]
fn what_an_entry_does_not_understand_breaks_a_rule() {
    let entry = dialogue(
        "client      => > C0
         < C\\x00OK  => breaks id
         < COK0      => breaks id
         < 0COK      => breaks kind
         < c0OK      => breaks kind
         < C         => breaks id
         <           => breaks kind
         < C00OK     => breaks roles
         < C0ok      => breaks roles
         < C0        => breaks roles
         < C0OK      => opened 0",
    );
    assert_eq!(entry.counters().drops.total(), 9);
}

#[test]
fn what_is_late_breaks_no_rule_for_a_second() {
    dialogue(
        "client    => > C0
         < C0OK    => opened 0
         rst 0     => > X0
         < D0late  => > X0
         < X0      =>
         +1s       =>
         < D0late  => > X0
         +1ms      =>
         < D0late  => > X0, breaks open-first
         < X0      => breaks open-first",
    );
}

#[test]
fn an_answer_that_nobody_asked_for_breaks_a_rule() {
    dialogue(
        "< C0OK  => > X0, breaks open-first
         < C1NOK => breaks open-first",
    );
}

#[test]
fn an_x_before_the_answer_loses_what_came_before_it() {
    let entry = dialogue(
        "client    => > C0
         < D0hola  =>
         < X0      => closed 0: closed by the peer, breaks half-close",
    );
    assert_eq!(entry.counters().early_lost, 4);
}

#[test]
fn an_x_right_behind_the_reply_loses_nothing_and_is_not_complained_about() {
    let entry = dialogue(
        "client    => > C0
         < C0OK    => opened 0
         < D0hola  => data 0 hola
         < X0      => closed 0: closed by the peer",
    );
    assert_eq!(entry.counters().early_lost, 0);
}
