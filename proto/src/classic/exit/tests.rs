//! Every row and rule of the classic link, from proxy2's side.

mod bounds;
mod violations;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::classic::Drops;
use crate::classic::dialogue::{broken, bytes, control, run, text, wait};

/// An exit, its clock and the streams by peer and id, as in `a0`.
struct Talk {
    exit: Exit<char>,
    now: Time,
    streams: BTreeMap<String, Stream<char>>,
}

/// `a< C0`: from the proxy1 at `a` · `ok a0`, `nok a0`: the dial ended · `fin a0`, `rst a0`, `sent a0`: of the target's
/// connection · `stop`: shutdown · `+1s`.
#[track_caller]
fn dialogue(script: &str) -> Exit<char> {
    dialogue_with(Settings::default(), script)
}

#[track_caller]
fn dialogue_with(settings: Settings, script: &str) -> Exit<char> {
    let mut talk = Talk { exit: Exit::new(settings), now: Time::ZERO, streams: BTreeMap::new() };
    run(script, |input| talk.step(input));
    talk.exit
}

impl Talk {
    fn step(&mut self, input: &str) -> Vec<String> {
        if let Some(time) = wait(input) {
            return self.wait(time);
        }
        if let Some((peer, datagram)) = input.split_once('<') {
            let datagram = bytes(datagram.trim_start());
            let received = self.exit.handle_datagram(self.now, peer.parse().unwrap(), &datagram);
            if let Some(Received::Dial(stream)) = received {
                self.streams.insert(name(stream), stream);
            }
            return received.map(show).into_iter().chain(self.drain()).collect();
        }
        let mut accepted = None;
        match input.split_once(' ') {
            Some(("ok", name)) => {
                let early = self.exit.accepted(self.now, self.streams[name]);
                accepted =
                    Some(early.map_or_else(|| "over".into(), |early| format!("early [{}]", text(&early))));
            }
            Some(("nok", name)) => self.exit.refused(self.now, self.streams[name]),
            Some(("fin", name)) => self.exit.finish(self.now, self.streams[name]),
            Some(("rst", name)) => self.exit.close(self.now, self.streams[name]),
            Some(("sent", name)) => self.exit.note_sent(self.now, self.streams[name]),
            _ if input == "stop" => self.exit.shutdown(self.now),
            _ => panic!("unknown step {input}"),
        }
        accepted.into_iter().chain(self.drain()).collect()
    }

    /// Goes from timer to timer, as a shell does.
    fn wait(&mut self, time: Duration) -> Vec<String> {
        let end = self.now + time;
        let mut answers = Vec::new();
        while let Some(at) = self.exit.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.exit.handle_timeout(self.now);
            answers.extend(self.drain());
        }
        self.now = end;
        answers
    }

    fn drain(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        while let Some((peer, datagram)) = self.exit.poll_transmit() {
            answers.push(format!("{peer}> {}", control(&datagram)));
        }
        while let Some(closed) = self.exit.poll_event() {
            answers.push(show(Received::Closed(closed)));
        }
        answers.extend(self.exit.poll_violation().map(broken));
        answers
    }
}

fn show(received: Received<'_, char>) -> String {
    match received {
        Received::Dial(stream) => format!("dial {}", name(stream)),
        Received::Data { stream, payload } => format!("data {} {}", name(stream), text(payload)),
        Received::Closed(closed) => format!("closed {}: {}", name(closed.stream), closed.reason),
    }
}

fn name(stream: Stream<char>) -> String {
    format!("{}{}", stream.peer(), stream.id())
}

#[test]
fn a_stream_opens_carries_data_and_closes() {
    let exit = dialogue(
        "a< C1     => dial a1
         ok a1     => early [], a> C1OK
         a< D1hola => data a1 hola
         a< X1     => closed a1: closed by the peer",
    );
    assert_eq!((exit.streams(), exit.peers(), exit.poll_timeout()), (0, 0, None));
    assert_eq!((exit.counters().opened, exit.counters().closed), (1, 1));
}

#[test]
fn a_target_that_cannot_be_dialled_is_refused() {
    let exit = dialogue(
        "a< C1  => dial a1
         nok a1 => a> C1NOK
         nok a1 =>",
    );
    assert_eq!((exit.streams(), exit.peers(), exit.counters().refused), (0, 0, 1));
}

#[test]
fn a_trailing_byte_after_a_request_is_ignored() {
    dialogue(
        "a< C10    => dial a1
         ok a1     => early [], a> C1OK
         a< C2hola => dial a2",
    );
}

#[test]
fn a_repeated_c_opens_nothing_twice_and_repeats_the_answer() {
    let exit = dialogue(
        "a< C1  => dial a1
         a< C1  =>
         ok a1  => early [], a> C1OK
         a< C1  => a> C1OK
         a< C10 => a> C1OK",
    );
    assert_eq!((exit.counters().begun, exit.counters().repeats_received), (1, 3));
}

#[test]
fn a_c_after_the_end_opens_a_new_stream() {
    dialogue(
        "a< C1  => dial a1
         nok a1 => a> C1NOK
         a< C1  => dial a1
         ok a1  => early [], a> C1OK
         a< X1  => closed a1: closed by the peer
         a< C1  => dial a1",
    );
}

#[test]
fn data_before_the_answer_is_held_and_handed_out_in_order() {
    dialogue(
        "a< C1    => dial a1
         a< D1ho  =>
         a< D1la  =>
         ok a1    => early [hola], a> C1OK
         a< D1!   => data a1 !",
    );
}

#[test]
fn peers_are_kept_apart_by_their_address() {
    let exit = dialogue(
        "a< C1     => dial a1
         b< C1     => dial b1
         ok b1     => early [], b> C1OK
         ok a1     => early [], a> C1OK
         a< D1hola => data a1 hola
         b< D1adeu => data b1 adeu
         a< X1     => closed a1: closed by the peer
         b< D1more => data b1 more
         c< D1spy  => c> X1, breaks open-first",
    );
    assert_eq!((exit.streams(), exit.peers()), (1, 1));
}

#[test]
fn data_for_an_id_that_is_not_open_is_answered_with_x_and_x_never() {
    let exit = dialogue(
        "a< D4late => a> X4, breaks open-first
         a< X4     => breaks open-first",
    );
    assert_eq!((exit.counters().drops.not_open, exit.counters().strays_answered, exit.peers()), (2, 1, 0));
}

#[test]
fn x_while_dialling_stops_the_dial() {
    let exit = dialogue(
        "a< C1 => dial a1
         a< X1 => closed a1: closed by the peer
         ok a1 => over
         nok a1 =>",
    );
    assert_eq!((exit.counters().abandoned, exit.counters().opened), (1, 0));
}

#[test]
fn a_dial_that_ends_late_does_not_answer_for_the_next_stream() {
    let mut exit = Exit::new(Settings::default());
    let Some(Received::Dial(first)) = exit.handle_datagram(Time::ZERO, 'a', b"C1") else { panic!() };
    exit.handle_datagram(Time::ZERO, 'a', b"X1");
    let Some(Received::Dial(second)) = exit.handle_datagram(Time::ZERO, 'a', b"C1") else { panic!() };
    assert_eq!(exit.accepted(Time::ZERO, first), None);
    exit.refused(Time::ZERO, first);
    exit.close(Time::ZERO, first);
    exit.finish(Time::ZERO, first);
    assert_eq!(exit.poll_transmit(), None);
    assert_eq!(exit.accepted(Time::ZERO, second), Some(Vec::new()));
    assert_eq!(exit.accepted(Time::ZERO, second), None, "only once");
}

#[test]
fn the_target_closes() {
    dialogue(
        "a< C1  => dial a1
         ok a1  => early [], a> C1OK
         rst a1 => a> X1
         a< D1x => a> X1",
    );
}

#[test]
fn a_fin_waits_for_a_short_silence_of_the_other_side() {
    dialogue(
        "a< C1     => dial a1
         ok a1     => early [], a> C1OK
         fin a1    =>
         +299ms    =>
         a< D1more => data a1 more
         +299ms    =>
         fin a1    =>
         +1ms      => a> X1, closed a1: finished",
    );
}

#[test]
fn a_fin_after_a_long_life_still_lingers() {
    dialogue(
        "a< C1    => dial a1
         ok a1    => early [], a> C1OK
         +100s    =>
         a< D1x   => data a1 x
         +100s    =>
         fin a1   =>
         +299ms   =>
         +1ms     => a> X1, closed a1: finished",
    );
}

#[test]
fn five_minutes_without_data_close_a_stream() {
    let exit = dialogue(
        "a< C1      => dial a1
         ok a1      => early [], a> C1OK
         a< C2      => dial a2
         +299s      =>
         a< D1x     => data a1 x
         +1s        => a> X2, closed a2: idle for too long
         +298s      =>
         sent a1    =>
         +299999ms  =>
         a< C1      => a> C1OK
         +1ms       => a> X1, closed a1: idle for too long",
    );
    assert_eq!((exit.counters().idle, exit.peers(), exit.poll_timeout()), (2, 0, None));
}

#[test]
fn the_idle_limit_counts_from_the_answer_however_long_the_dial_took() {
    dialogue(
        "a< C1      => dial a1
         +200s      =>
         ok a1      => early [], a> C1OK
         +299999ms  =>
         +1ms       => a> X1, closed a1: idle for too long",
    );
}

#[test]
fn shutdown_closes_every_stream() {
    let exit = dialogue(
        "a< C1 => dial a1
         b< C1 => dial b1
         ok b1 => early [], b> C1OK
         stop  => a> X1, b> X1
         ok a1 => over",
    );
    assert_eq!((exit.streams(), exit.peers(), exit.poll_timeout()), (0, 0, None));
}

#[test]
fn garbage_is_dropped_and_counted_by_reason() {
    let mut exit = Exit::new(Settings::default());
    for garbage in [&b""[..], b"Z0", b"c0", b"D", b"Dx", b"D\xff", b"C0OK", b"C0NOK"] {
        assert_eq!(exit.handle_datagram(Time::ZERO, 'a', garbage), None, "{garbage:?}");
        assert_eq!(exit.poll_transmit(), None, "{garbage:?}");
    }
    let expected =
        Drops { empty: 1, unknown_kind: 2, no_id: 1, bad_id: 2, wrong_role: 2, ..Drops::default() };
    assert_eq!(exit.counters().drops, expected);
}

#[test]
fn a_linger_longer_than_the_idle_limit_ends_as_idle() {
    let settings = Settings { linger: Duration::from_secs(600), ..Settings::default() };
    dialogue_with(
        settings,
        "a< C1   => dial a1
         ok a1   => early [], a> C1OK
         fin a1  =>
         +300s   => a> X1, closed a1: idle for too long",
    );
}
