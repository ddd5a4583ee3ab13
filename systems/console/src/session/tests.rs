//! Each command, and what is none.

use std::time::UNIX_EPOCH;

use super::*;
use crate::room::Limits;

const LIMITS: Limits =
    Limits { clients: 9, of_ticket: 9, silence: Duration::from_secs(60), idle: Duration::from_secs(600) };

/// An operator `ana#1` and `ben#2`.
fn room() -> Room {
    let mut room = Room::new(LIMITS);
    room.enter(Some("ana".into()), true, Duration::ZERO).unwrap();
    room.enter(Some("ben".into()), false, Duration::ZERO).unwrap();
    heard(&mut room, 1);
    room
}

fn heard(room: &mut Room, number: Number) -> String {
    let mut text = Vec::new();
    while let Some(member) = room.member(number).filter(|member| !member.outbox.is_empty()) {
        text.extend(member.outbox.take(1));
    }
    String::from_utf8(text).unwrap()
}

fn turn(room: &mut Room, me: Number, line: &Line) -> Turn {
    let now = Now { since_start: Duration::from_secs(65), wall: UNIX_EPOCH + Duration::from_secs(86_400) };
    answer(room, me, line, now)
}

/// What somebody is answered to a line.
fn says(room: &mut Room, me: Number, line: &str) -> String {
    assert_eq!(turn(room, me, &Line::Text(line.into())), Turn::Done, "{line}");
    heard(room, me)
}

#[test]
fn each_command_has_its_answer() {
    let mut room = room();
    let mut ask = |line| says(&mut room, 2, line);
    assert!(ask("help").starts_with("Commands:\n  help [COMMAND] "));
    assert!(ask("help who").starts_with("who\n  It lists who is here"));
    assert!(ask("HELP Chmod").starts_with("chmod [-R] MODE PATH...\n"));
    assert_eq!(ask("whoami"), "You are ben#2: session 2, ticket ben, which proxy2 vouches for\n");
    let who = ask("who");
    assert!(who.contains("\nana#1                       1m 05s    1m 05s  operator\n"), "{who}");
    assert!(who.contains("\nben#2                       1m 05s       0 s  you\n"), "{who}");
    assert_eq!(ask("say  hola  a todos "), "<ben#2> hola  a todos\n");
    assert_eq!(ask("tell ana#1 psst"), "told ana#1\n");
    assert_eq!(ask("time"), "1970-01-02T00:00:00Z; the server has been running for 1m 05s\n");
    assert!(ask("authors").contains("The Paso authors"));
    assert!(
        ask("stats")
            .starts_with("clients        2 since the start, 2 here, 0 found no room\nlines          9, ")
    );
    assert!(ask("version").starts_with("Paso console 0."));
    assert!(ask("shell").contains("\n  chmod   says who may"));
    assert_eq!(ask("exit"), "* good bye\n");
    assert_eq!(heard(&mut room, 1), "<ben#2> hola  a todos\n<ben#2 to you> psst\n* ben#2 has left\n");
}

#[test]
fn what_is_none_is_told_with_the_nearest_name() {
    let mut room = room();
    let mut ask = |line: &str| says(&mut room, 2, line);
    assert_eq!(ask("whoami?"), "error: there is no command 'whoami?'; did you mean whoami?\n");
    assert_eq!(ask("stat"), "error: there is no command 'stat'; did you mean stats?\n");
    assert_eq!(ask("mkdri x"), "error: there is no command 'mkdri'; did you mean `help mkdir`?\n");
    assert_eq!(ask("ls -l"), "error: ls is a command of a shell, which this is not: `help ls` explains it\n");
    assert!(ask("xyzzy").starts_with("error: there is no command 'xyzzy': `help` lists them"));
    assert_eq!(ask("help stas"), "error: there is nothing about 'stas'; did you mean `help stats`?\n");
    assert_eq!(ask("say"), "error: write: say TEXT; for example: say the backup is done\n");
    assert!(ask("tell ana#1").starts_with("error: write: tell NAME TEXT; "));
    assert_eq!(ask("tell anna#1 x"), "error: nobody here is called 'anna#1'; did you mean ana#1?\n");
    assert_eq!(ask("time now"), "error: nothing may stand behind time: `help time` explains it\n");
    assert_eq!(ask(""), "");
    assert_eq!(ask("   \t "), "");
    assert_eq!(room.tally().faults, 10);
}

#[test]
fn what_is_no_line_is_an_error_and_the_session_goes_on() {
    let mut room = room();
    turn(&mut room, 2, &Line::NotText);
    turn(&mut room, 2, &Line::TooLong(LONGEST));
    let expected = "error: this is no text: lines are UTF-8\n\
                    error: a line has at most 4096 bytes: this one was passed over\n";
    assert_eq!(heard(&mut room, 2), expected);
    assert!(room.here().any(|member| member.who.number == 2));
}

#[test]
fn nothing_of_others_moves_the_cursor() {
    let mut room = room();
    says(&mut room, 2, "say \u{1b}[2J\u{7}a\u{202e}b\0");
    says(&mut room, 2, "tell ana \u{9b}1A<ben#2> x");
    assert_eq!(heard(&mut room, 1), "<ben#2> ?[2J?a?b?\n<ben#2 to you> ?1A<ben#2> x\n");
    assert!(says(&mut room, 2, "\u{1b}[A").contains("'?[A'"));
    let long = says(&mut room, 2, &"w".repeat(4_000));
    assert!(long.len() < 250 && long.contains("www…'"), "{long}");
}

#[test]
fn operators_may_what_others_may_not() {
    let mut room = room();
    for line in ["kick ana", "status", "close L3", "reload", "drain"] {
        let answer = says(&mut room, 2, line);
        assert!(answer.starts_with("error: ") && answer.contains(" is for operators: "), "{line}: {answer}");
    }
    let ask = |room: &mut Room, line: &str| turn(room, 1, &Line::Text(line.into()));
    assert_eq!(ask(&mut room, "status"), Turn::Proxy(Request::Status(None)));
    assert_eq!(ask(&mut room, "close L3/5"), Turn::Proxy(Request::Close("L3/5".into())));
    heard(&mut room, 1);
    assert!(says(&mut room, 1, "close 3").starts_with("error: write: close LINK[/STREAM]; "));
    assert_eq!(
        says(&mut room, 1, "kick ben you flood"),
        "* ben#2 was sent away by ana#1: you flood\nsent away: ben#2\n"
    );
    assert_eq!(heard(&mut room, 2), "* your session was ended by ana#1: you flood\n");
    assert!(says(&mut room, 1, "help").contains("drain [SECONDS]"));
}

#[test]
fn a_beat_is_answered_by_one_and_is_no_line() {
    let mut room = room();
    assert_eq!(says(&mut room, 2, "\u{6}"), "\u{6}\n");
    assert_eq!(room.tally().lines, 0);
}

#[test]
fn a_client_is_greeted_with_version_ticket_and_who_is_here() {
    let room = room();
    let text = welcome(&room, 1);
    assert!(text.starts_with("Paso console 0."), "{text}");
    assert!(
        text.contains(
            "You are ana#1, with the ticket ana, an operator.\n2 clients are here: ana#1, ben#2.\n"
        ),
        "{text}"
    );
}

#[test]
fn times_are_in_words() {
    let words = [59, 60, 3_700, 90_000].map(|seconds| span(Duration::from_secs(seconds)));
    assert_eq!(words, ["59 s", "1m 00s", "1h 01m", "1d 01h"]);
}

/// Lines of words that mean something and such that mean nothing, put together by chance (xorshift64).
#[test]
fn any_line_has_an_answer_that_a_terminal_shows_as_it_is() {
    const SEED: u64 = 0x0c0f_fee0;
    const PIECES: [&str; 14] = [
        " ",
        "\t",
        "ana#1",
        "#2",
        "99999999999999999999",
        "L3/",
        "/",
        "\u{1b}[2J",
        "\u{202e}",
        "ß",
        "\0",
        "\u{301}",
        "`",
        "''",
    ];
    let mut state = SEED;
    let mut below = |count: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % count as u64).unwrap()
    };
    let names = commands_and_pages();
    let mut room = room();
    for _ in 0..5_000 {
        let words = (0..below(6))
            .map(|_| if below(2) == 0 { names[below(names.len())] } else { PIECES[below(PIECES.len())] });
        let line: Vec<_> = words.collect();
        let line = line.join(if below(3) == 0 { "" } else { " " });
        let turn = turn(&mut room, 2, &Line::Text(line.clone()));
        assert_eq!(turn, Turn::Done, "{line:?}, seed {SEED:#x}: ben is no operator");
        let answer = heard(&mut room, 2);
        assert_eq!(answer.is_empty(), line.trim().is_empty(), "{line:?}, seed {SEED:#x}");
        assert!(answer.lines().all(paso::is_visible), "{line:?} got {answer:?}, seed {SEED:#x}");
        if room.here().all(|member| member.who.number != 2) {
            room = self::room();
        }
        heard(&mut room, 1);
    }
}

#[test]
fn who_looks_for_many_names_that_nobody_has_waits() {
    let mut room = room();
    let now = Duration::from_secs(65);
    for command in ["tell anna#1 hola", "tell nobody hola", "who"].iter().cycle().take(27) {
        says(&mut room, 2, command);
    }
    assert_eq!(room.waits(2, now), None, "some are mistakes");
    for _ in 0..9 {
        says(&mut room, 2, &format!("tell {} hola", "x".repeat(80)));
    }
    assert!(room.waits(2, now).is_some(), "a search takes time of all");
    assert_eq!(room.waits(1, now), None);
}
