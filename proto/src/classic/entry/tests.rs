//! Every row and rule of the classic link, from proxy1's side.

mod names_and_limits;
mod violations;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::classic::Drops;
use crate::classic::dialogue::{broken, bytes, control, run, text, wait};

/// An entry, its clock and the streams by id.
struct Talk {
    entry: Entry,
    now: Time,
    streams: BTreeMap<String, Stream>,
}

/// `client` connects · `fin 0`, `rst 0`, `sent 0`: of its connection · `stop`: shutdown · `< C0OK`: from the exit · `+1s`.
fn dialogue(script: &str) -> Entry {
    dialogue_with(Settings::default(), script)
}

#[track_caller]
fn dialogue_with(settings: Settings, script: &str) -> Entry {
    let mut talk = Talk { entry: Entry::new(settings), now: Time::ZERO, streams: BTreeMap::new() };
    run(script, |input| talk.step(input));
    talk.entry
}

impl Talk {
    fn step(&mut self, input: &str) -> Vec<String> {
        if let Some(time) = wait(input) {
            return self.wait(time);
        }
        if let Some(datagram) = input.strip_prefix('<') {
            let datagram = bytes(datagram.trim_start());
            let received = self.entry.handle_datagram(self.now, &datagram).map(show);
            return received.into_iter().chain(self.drain()).collect();
        }
        let mut refused = None;
        match input.split_once(' ') {
            Some(("fin", id)) => self.entry.finish(self.now, self.streams[id]),
            Some(("rst", id)) => self.entry.close(self.now, self.streams[id]),
            Some(("sent", id)) => self.entry.note_sent(self.now, self.streams[id]),
            _ if input == "stop" => self.entry.shutdown(self.now),
            _ if input == "client" => refused = self.client(),
            _ => panic!("unknown step {input}"),
        }
        refused.into_iter().chain(self.drain()).collect()
    }

    fn client(&mut self) -> Option<String> {
        match self.entry.open(self.now) {
            Ok(stream) => {
                self.streams.insert(stream.id().to_string(), stream);
                None
            }
            Err(AllBusy) => Some("busy".into()),
        }
    }

    /// Goes from timer to timer, as a shell does.
    fn wait(&mut self, time: Duration) -> Vec<String> {
        let end = self.now + time;
        let mut answers = Vec::new();
        while let Some(at) = self.entry.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.entry.handle_timeout(self.now);
            answers.extend(self.drain());
        }
        self.now = end;
        answers
    }

    fn drain(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        while let Some(datagram) = self.entry.poll_transmit() {
            answers.push(format!("> {}", control(&datagram)));
        }
        while let Some(closed) = self.entry.poll_event() {
            answers.push(show(Received::Closed(closed)));
        }
        answers.extend(self.entry.poll_violation().map(broken));
        answers
    }
}

fn show(received: Received<'_>) -> String {
    match received {
        Received::Data { stream, payload } => format!("data {} {}", stream.id(), text(payload)),
        Received::Opened { stream, early } if early.is_empty() => format!("opened {}", stream.id()),
        Received::Opened { stream, early } => format!("opened {} with {}", stream.id(), text(&early)),
        Received::Closed(closed) => format!("closed {}: {}", closed.stream.id(), closed.reason),
    }
}

#[test]
fn a_stream_opens_carries_data_and_closes() {
    let entry = dialogue(
        "client    => > C0
         < C0OK    => opened 0
         < D0hola  => data 0 hola
         < D0      => data 0
         rst 0     => > X0",
    );
    assert_eq!((entry.streams(), entry.poll_timeout()), (0, None));
    assert_eq!((entry.counters().opened, entry.counters().closed), (1, 1));
}

#[test]
fn the_exit_refuses() {
    let entry = dialogue(
        "client   => > C0
         < C0NOK  => closed 0: refused by the exit",
    );
    assert_eq!((entry.streams(), entry.counters().refused), (0, 1));
}

#[test]
fn an_answer_may_have_trailing_bytes() {
    dialogue(
        "client     => > C0
         client     => > C1
         < C0OK0    => opened 0
         < C1NOK.   => closed 1: refused by the exit",
    );
}

#[test]
fn the_exit_closes() {
    dialogue(
        "client  => > C0
         < C0OK  => opened 0
         < X0    => closed 0: closed by the peer
         < X0    =>",
    );
}

/// Ten clients, each with its stream.
const TEN: &str = "client => > C0
         client => > C1
         client => > C2
         client => > C3
         client => > C4
         client => > C5
         client => > C6
         client => > C7
         client => > C8
         client => > C9";

#[test]
fn the_eleventh_client_is_refused_and_nobody_else_notices() {
    let script = "
         client => busy
         < C7OK => opened 7
         < D7ok => data 7 ok
         rst 3  => > X3
         client => > C3
         client => busy";
    let entry = dialogue(&format!("{TEN}{script}"));
    assert_eq!((entry.streams(), entry.counters().all_busy, entry.counters().unrested), (10, 2, 1));
}

#[test]
fn a_lost_c_is_repeated_after_1_2_and_4_seconds_then_given_up() {
    let entry = dialogue(
        "client  => > C0
         +999ms  =>
         +1ms    => > C0
         +1999ms =>
         +1ms    => > C0
         +3999ms =>
         +1ms    => > C0
         +999ms  =>
         +1ms    => > X0, closed 0: no answer from proxy2: it is not there, it speaks the sealed link (no --classic), or UDP does not get through",
    );
    let counters = entry.counters();
    assert_eq!((counters.repeats_sent, counters.abandoned, counters.no_answer), (3, 1, 1));
}

#[test]
fn a_late_timer_does_not_bring_a_burst_of_repeats() {
    let mut entry = Entry::new(Settings::default());
    entry.open(Time::ZERO).unwrap();
    assert_eq!(entry.poll_transmit(), Some(Datagram::open(StreamId::new(0).unwrap())));
    let late = Time::ZERO + Duration::from_secs(100);
    entry.handle_timeout(late);
    assert_eq!(entry.poll_transmit().as_deref(), Some(&b"C0"[..]));
    assert_eq!(entry.poll_transmit(), None);
    assert_eq!(entry.poll_timeout(), Some(late + Duration::from_secs(2)));
}

#[test]
fn an_answer_to_a_repeat_opens_once() {
    let entry = dialogue(
        "client  => > C0
         +1s     => > C0
         < C0OK  => opened 0
         < C0OK  =>
         +10s    =>",
    );
    assert_eq!(entry.counters().repeats_received, 1);
}

#[test]
fn data_for_an_id_that_is_not_open_is_answered_with_x_and_x_never() {
    let entry = dialogue(
        "< D4late  => > X4, breaks open-first
         < X4      => breaks open-first
         < C4NOK   => breaks open-first",
    );
    assert_eq!((entry.counters().drops.not_open, entry.counters().strays_answered), (3, 1));
}

#[test]
fn an_ok_for_an_id_that_is_not_open_is_answered_with_x_so_the_exit_does_not_wait() {
    dialogue(
        "client  => > C0
         rst 0   => > X0
         < C0OK  => > X0",
    );
}

#[test]
fn a_fin_waits_for_a_short_silence_of_the_other_side() {
    dialogue(
        "client       => > C0
         < C0OK       => opened 0
         fin 0        =>
         +299ms       =>
         < D0reply    => data 0 reply
         +299ms       =>
         < D0more     => data 0 more
         +299ms       =>
         +1ms         => > X0, closed 0: finished",
    );
}

#[test]
fn the_linger_counts_from_the_fin_not_from_older_data() {
    dialogue(
        "client    => > C0
         < C0OK    => opened 0
         < D0old   => data 0 old
         +10s      =>
         fin 0     =>
         +299ms    =>
         fin 0     =>
         +1ms      => > X0, closed 0: finished",
    );
}

#[test]
fn a_fin_before_the_answer_lingers_from_the_answer() {
    dialogue(
        "client  => > C0
         fin 0   =>
         +900ms  =>
         < C0OK  => opened 0
         +299ms  =>
         +1ms    => > X0, closed 0: finished",
    );
}

#[test]
fn five_minutes_without_data_close_a_stream() {
    let entry = dialogue(
        "client      => > C0
         < C0OK      => opened 0
         +299s       =>
         < D0a       => data 0 a
         +299s       =>
         sent 0      =>
         +299999ms   =>
         < C0OK      =>
         +1ms        => > X0, closed 0: idle for too long",
    );
    assert_eq!(entry.counters().idle, 1);
}

#[test]
fn x_before_the_answer_closes() {
    let entry = dialogue(
        "client => > C0
         < X0   => closed 0: closed by the peer",
    );
    assert_eq!(entry.counters().abandoned, 1);
}

#[test]
fn a_refusal_after_ok_closes() {
    let entry = dialogue(
        "client  => > C0
         < C0OK  => opened 0
         < C0NOK => closed 0: refused by the exit",
    );
    assert_eq!((entry.counters().closed, entry.counters().refused), (1, 0));
}

#[test]
fn shutdown_closes_every_stream() {
    let entry = dialogue(
        "client => > C0
         client => > C1
         < C1OK => opened 1
         stop   => > X0, > X1
         stop   =>",
    );
    assert_eq!((entry.streams(), entry.poll_timeout()), (0, None));
}

#[test]
fn garbage_is_dropped_and_counted_by_reason() {
    let mut entry = Entry::new(Settings::default());
    for garbage in [&b""[..], b"Z0", b"c0", b"D", b"Dx", b"D\xff", b"C0", b"C0 OK"] {
        assert_eq!(entry.handle_datagram(Time::ZERO, garbage), None, "{garbage:?}");
        assert_eq!(entry.poll_transmit(), None, "{garbage:?}");
    }
    let drops = entry.counters().drops;
    let expected =
        Drops { empty: 1, unknown_kind: 2, no_id: 1, bad_id: 2, wrong_role: 2, ..Drops::default() };
    assert_eq!(drops, expected);
}
