//! What breaks a rule, and what only looks so.

use super::*;

#[test]
fn what_an_exit_does_not_understand_breaks_a_rule() {
    let exit = dialogue(
        "a< C\\x01  => breaks id
         a< C\\x0a  => breaks id
         a< C:     => breaks id
         a< C      => breaks id
         a< 1C     => breaks kind
         a< c1     => breaks kind
         a<        => breaks kind
         a< C1OK   => breaks roles
         a< C1NOK  => breaks roles",
    );
    assert_eq!((exit.counters().drops.total(), exit.peers()), (9, 0));
}

#[test]
fn data_before_c_breaks_a_rule_and_data_behind_an_end_does_not() {
    dialogue(
        "a< D1hola => a> X1, breaks open-first
         a< C1     => dial a1
         nok a1    => a> C1NOK
         a< D1hola => a> X1
         a< X1     =>
         b< D1hola => b> X1, breaks open-first
         +1001ms   =>
         a< D1hola => a> X1, breaks open-first",
    );
}

#[test]
fn an_id_of_two_digits_is_told_with_its_first_data() {
    let exit = dialogue(
        "a< C00     => dial a0
         a< D0      =>
         a< D00hola => breaks id
         ok a0      => early [0hola], a> C0OK
         a< D00hola => data a0 0hola",
    );
    assert_eq!((exit.counters().two_digits, exit.counters().drops.total()), (1, 0));
}

#[test]
fn a_trailing_digit_without_one_in_the_data_breaks_nothing() {
    dialogue(
        "a< C10    => dial a1
         ok a1     => early [], a> C1OK
         a< D1hola => data a1 hola
         a< D10    => data a1 0
         a< C2     => dial a2
         a< D20    =>",
    );
}

#[test]
fn an_x_before_the_answer_loses_what_came_before_it() {
    let exit = dialogue(
        "a< C1     => dial a1
         a< D1hola =>
         a< X1     => closed a1: closed by the peer, breaks half-close
         ok a1     => over",
    );
    assert_eq!(exit.counters().early_lost, 4);
}

#[test]
fn an_x_right_behind_the_data_loses_nothing_here_and_is_not_complained_about() {
    let exit = dialogue(
        "a< C1     => dial a1
         ok a1     => early [], a> C1OK
         a< D1hola => data a1 hola
         a< X1     => closed a1: closed by the peer",
    );
    assert_eq!(exit.counters().early_lost, 0);
}
