//! Who is told what, on a clock of the test's own.

use super::*;

const LIMITS: Limits =
    Limits { clients: 4, of_ticket: 2, silence: Duration::from_secs(60), idle: Duration::from_secs(600) };

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn room_of(tickets: &[&str]) -> Room {
    let mut room = Room::new(LIMITS);
    for ticket in tickets {
        room.enter(Some((*ticket).into()), false, at(0)).unwrap();
    }
    for number in 1..=room.last {
        heard_by(&mut room, number);
    }
    room
}

/// What a client is told by now.
fn heard_by(room: &mut Room, number: Number) -> String {
    let mut text = Vec::new();
    while let Some(member) = room.member(number).filter(|member| !member.outbox.is_empty()) {
        text.extend(member.outbox.take(1));
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn who_comes_and_goes_is_told_to_the_others_and_not_twice() {
    let mut room = room_of(&["ana", "ben"]);
    let who = room.enter(Some("ana".into()), false, at(1)).unwrap();
    assert_eq!((who.number, who.to_string().as_str()), (3, "ana#3"));
    assert_eq!(room.woken(), [1, 2].into(), "nobody is woken for nothing");
    room.leave(3, Leaving::Quit, at(2));
    room.leave(3, Leaving::Lost, at(2));
    for other in [1, 2] {
        assert_eq!(heard_by(&mut room, other), "* ana#3 has come\n* ana#3 has left\n");
    }
    assert_eq!(heard_by(&mut room, 3), "* good bye\n");
    assert_eq!((room.here().count(), room.len()), (2, 3));
    room.forget(3);
    assert_eq!(room.enter(None, false, at(3)).unwrap().to_string(), "(proxy2)#4", "no number comes again");
}

#[test]
fn there_is_a_limit_for_all_and_one_for_each_ticket() {
    let mut room = room_of(&["ana", "ana"]);
    assert_eq!(room.enter(Some("ana".into()), false, at(0)), Err(Full::OfTicket(2)));
    room.enter(Some("ben".into()), false, at(0)).unwrap();
    room.enter(None, false, at(0)).unwrap();
    assert_eq!(room.enter(Some("eve".into()), false, at(0)), Err(Full::Clients(4)));
    // Who has left takes a place until all is written.
    room.leave(1, Leaving::Quit, at(0));
    assert!(room.enter(Some("eve".into()), false, at(0)).is_err());
    room.forget(1);
    assert!(room.enter(Some("eve".into()), false, at(0)).is_ok());
    assert_eq!(room.tally().refused, 3);
}

#[test]
fn who_does_not_read_misses_what_others_say_and_holds_up_nobody() {
    let mut room = room_of(&["ana", "ben", "eve"]);
    let text = "x".repeat(4_000);
    for second in 0..100 {
        room.say(1, &text, at(second));
        assert_eq!(heard_by(&mut room, 2).len(), text.len() + "<ana#1> \n".len());
        heard_by(&mut room, 1);
    }
    assert_eq!(room.tally().missed, 92, "32 KiB hold eight of them");
    let late = heard_by(&mut room, 3);
    assert!(late.ends_with("\n* 92 lines of others were left out here: you read too slowly\n"));
    room.say(1, "again", at(100));
    assert_eq!(heard_by(&mut room, 3), "<ana#1> again\n");
}

#[test]
fn who_says_much_waits_and_with_it_all_of_its_ticket() {
    let mut room = room_of(&["ana", "ana", "ben"]);
    for _ in 0..30 {
        assert_eq!(room.waits(3, at(0)), None);
        room.say(1, "x", at(0));
    }
    // Of 20 at once two went into the news that somebody has come; ten a second come back.
    let until = room.waits(1, at(0)).unwrap();
    assert!(until > at(1) && until < Duration::from_millis(1_500), "{until:?}");
    assert_eq!(room.waits(2, at(0)), Some(until));
    assert_eq!(room.waits(1, until + Duration::from_millis(1)), None);
}

#[test]
fn many_comings_and_goings_are_told_in_a_sum() {
    let mut room = room_of(&["ben"]);
    for _ in 0..50 {
        let who = room.enter(Some("ana".into()), false, at(0)).unwrap();
        room.leave(who.number, Leaving::Ended, at(0));
        room.forget(who.number);
    }
    assert_eq!(heard_by(&mut room, 1).lines().count(), 20);
    room.sweep(at(1));
    assert_eq!(heard_by(&mut room, 1), "");
    let sum = "ana has come and left 40 times more in the last seconds";
    assert_eq!(room.sweep(at(2)), [sum], "for the log, too");
    assert_eq!(heard_by(&mut room, 1), format!("* {sum}\n"));
}

#[test]
fn who_is_silent_is_let_go_sooner_if_it_has_said_that_it_is_there() {
    let mut room = room_of(&["ana", "ben"]);
    room.beat(1);
    assert_eq!(heard_by(&mut room, 1), "\u{6}\n");
    room.sweep(at(59));
    assert!(room.here().any(|member| member.who.number == 1 && member.is_missing(at(59))));
    room.sweep(at(60));
    assert_eq!(heard_by(&mut room, 1), "* you have been silent for 60 s: good bye\n");
    assert_eq!(heard_by(&mut room, 2), "* ana#1 is gone: not heard for 60 s\n");
    room.heard(2, at(300));
    room.sweep(at(899));
    assert_eq!(room.here().count(), 1);
    room.sweep(at(900));
    assert_eq!(room.here().count(), 0);
}

#[test]
fn the_end_is_told_to_all_and_to_who_comes_late() {
    let mut room = room_of(&["ana", "ben"]);
    room.end(at(1));
    let late = room.enter(Some("eve".into()), false, at(1)).unwrap().number;
    for number in [1, 2, late] {
        assert_eq!(heard_by(&mut room, number), "* the console ends: good bye\n");
    }
    assert_eq!(room.here().count(), 0);
}

#[test]
fn somebody_is_called_by_name_number_or_ticket() {
    let room = room_of(&["ana", "ana", "ben"]);
    assert_eq!(room.named("ana#2"), [2]);
    assert_eq!(room.named("#2"), [2]);
    assert_eq!(room.named("2"), [2]);
    assert_eq!(room.named("ana"), [1, 2]);
    for nobody in ["", "#", "an", "ana#3", "4"] {
        assert_eq!(room.named(nobody), [] as [Number; 0], "{nobody}");
    }
}

#[test]
fn a_text_for_one_reaches_nobody_else() {
    let mut room = room_of(&["ana", "ben", "eve"]);
    room.tell(1, &[2], "psst", at(0));
    assert_eq!(heard_by(&mut room, 1), "told ben#2\n");
    assert_eq!(heard_by(&mut room, 2), "<ana#1 to you> psst\n");
    assert_eq!(heard_by(&mut room, 3), "");
}

#[test]
fn who_says_as_much_as_it_may_for_a_minute_is_let_go_and_who_pauses_is_not() {
    let mut room = room_of(&["ana", "ben", "eve"]);
    let mut tenths = 0;
    while room.here().any(|member| member.who.number == 1) {
        tenths += 1;
        room.say(1, "again", Duration::from_millis(tenths * 100));
        if tenths % 3 == 0 {
            room.say(2, "now and then", Duration::from_millis(tenths * 100));
        }
        assert!(tenths < 1_000);
    }
    assert_eq!(tenths, 600, "ten a second");
    assert!(heard_by(&mut room, 1).ends_with("* you have said too much for too long: good bye\n"));
    assert_eq!(room.here().count(), 2);
}
