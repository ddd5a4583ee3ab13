use super::*;
use crate::sealed::wire::frame::{self, Frame, Frames};
use crate::sealed::wire::varint::Writer;
use crate::sim::random;

const MTU: u16 = 1_200;
const MS: Duration = Duration::from_millis(1);

fn at(millis: u32) -> Time {
    Time::ZERO + MS * millis
}

fn recovery() -> Recovery {
    Recovery::new(MTU, random(1, 1))
}

/// Bulk leaves until the window is full. The number of the last packet.
fn fill(recovery: &mut Recovery, now: Time) -> u64 {
    while recovery.window_open() {
        recovery.on_sent(now, usize::from(MTU), WindowUse::Within, Ecn::NotCapable);
    }
    recovery.log.next() - 1
}

/// Messages leave beyond it as long as they may.
fn overdraw(recovery: &mut Recovery, now: Time) -> Range<u64> {
    let first = recovery.log.next();
    while recovery.may_overdraw() {
        recovery.on_sent(now, 500, WindowUse::Beyond, Ecn::NotCapable);
    }
    first..recovery.log.next()
}

/// These packets are acknowledged.
fn acknowledge(recovery: &mut Recovery, now: Time, packets: Range<u64>) -> Vec<PacketOutcome> {
    let (mut bytes, mut outcomes) = ([0; 64], Vec::new());
    let mut writer = Writer::new(&mut bytes);
    frame::put_ack(&mut writer, Duration::ZERO, std::iter::once(packets));
    let length = writer.len();
    let Some(Ok(Frame::Ack(ack))) = Frames::new(&bytes[..length]).next() else {
        panic!("no acknowledgement")
    };
    recovery.on_ack(now, &ack, &mut outcomes);
    outcomes
}

#[test]
fn what_left_beyond_the_window_makes_room_when_it_has_arrived_and_nothing_else_does() {
    let mut recovery = recovery();
    fill(&mut recovery, at(0));
    let beyond = overdraw(&mut recovery, at(0));
    assert_eq!(beyond.end - beyond.start, 6, "3,000 bytes");
    acknowledge(&mut recovery, at(100), 0..2);
    fill(&mut recovery, at(100));
    assert!(!recovery.may_overdraw(), "only bulk has arrived");
    acknowledge(&mut recovery, at(101), beyond.start..beyond.start + 2);
    fill(&mut recovery, at(101));
    assert!(recovery.may_overdraw(), "two messages have arrived");
}

#[test]
fn what_left_beyond_the_window_makes_room_when_it_is_lost() {
    let mut recovery = recovery();
    fill(&mut recovery, at(0));
    let beyond = overdraw(&mut recovery, at(0));
    acknowledge(&mut recovery, at(100), 0..2);
    let later = fill(&mut recovery, at(100));
    let mut outcomes = acknowledge(&mut recovery, at(200), later..later + 1);
    recovery.on_timeout(at(400), &mut outcomes);
    assert!(outcomes.contains(&PacketOutcome::Lost(beyond.start)), "{outcomes:?}");
    fill(&mut recovery, at(400));
    assert!(recovery.may_overdraw());
}

/// Bulk has just arrived: the way is open, and the answer to the message takes as long as any.
#[test]
fn a_message_beyond_the_window_is_not_probed_for_before_its_time() {
    let mut recovery = recovery();
    let last = fill(&mut recovery, at(0));
    acknowledge(&mut recovery, at(100), 0..last + 1);
    let last = fill(&mut recovery, at(100));
    let pto = recovery.timeout().since(at(100));
    let late = at(100) + pto * 9 / 10;
    overdraw(&mut recovery, late);
    acknowledge(&mut recovery, late, 0..last + 1);
    assert!(recovery.timeout() >= late + pto * 9 / 10, "{:?} after {pto:?}", recovery.timeout().since(late));
}

/// A peer that cannot use the others acknowledges the oldest only, however many there are.
#[test]
fn probes_come_round_to_the_oldest_again() {
    let mut recovery = recovery();
    fill(&mut recovery, at(0));
    acknowledge(&mut recovery, at(100), 0..12);
    let last = fill(&mut recovery, at(100));
    assert!(last > 2 * 16, "enough to get lost in");
    let mut rounds = Vec::new();
    for _ in 0..24 {
        let mut outcomes = Vec::new();
        let due = recovery.timeout();
        recovery.on_timeout(due, &mut outcomes);
        rounds.push(outcomes.contains(&PacketOutcome::ProbeRetransmit(12)));
    }
    let times = rounds.iter().filter(|has| **has).count();
    assert!(times >= 4, "the oldest went {times} times of 24");
}
