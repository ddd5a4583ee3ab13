//! A peer that acknowledges what it has not seen, so that this side sends faster than the path carries (RFC 9000 21.4).

use super::*;
use crate::sealed::crypto::random::Random;
use crate::sealed::recovery::sent::Fate;
use crate::sealed::transport::Fault;
use std::ops::Range;

/// A packet that acknowledges these numbers, with a frame behind it.
fn acknowledging(numbers: Range<u64>, also: &Frame<'_>) -> Vec<u8> {
    let mut room = [0; 64];
    let mut writer = Writer::new(&mut room);
    frame::put_ack(&mut writer, Duration::ZERO, std::iter::once(numbers));
    frame::put(&mut writer, also);
    let length = writer.len();
    room[..length].to_vec()
}

/// Sends bulk to a peer that answers each packet with an acknowledgement of all numbers up to it, and returns the fault
/// and how many packets left before it.
fn acknowledge_everything(seed: u8) -> (Fault, u64) {
    let (mut now, random) = (Time::ZERO + MS, Random::from_seed([seed; 32]));
    let mut transport = Transport::with_random(Side::Server, Settings::default(), random);
    let (mut sent, mut own) = (0, 0);
    transport.handle_packet(now, own, b"C\0\x80\x40\0\0\0\0").unwrap();
    loop {
        let id = StreamId(0);
        let room = transport.poll_room(now, id);
        transport.write(now, id, &vec![7; room]);
        let Some(built) = transport.poll_packet(now, &mut [0; 1_500]) else {
            now += MS;
            transport.handle_timeout(now);
            continue;
        };
        (sent, own) = (sent + 1, own + 1);
        let credit = Frame::Credit { id, end: sent * 2_000 + 100_000 };
        if let Err(fault) = transport.handle_packet(now, own, &acknowledging(0..built.number + 1, &credit)) {
            return (fault, sent);
        }
    }
}

#[test]
fn who_acknowledges_whatever_may_have_been_sent_is_found_out_soon() {
    for seed in 0..40 {
        let (fault, sent) = acknowledge_everything(seed);
        assert!(fault == Fault::Ack && sent <= 128, "seed {seed}: {fault} after {sent} packets");
    }
}

#[test]
fn a_packet_that_was_not_sent_yet_is_a_fault_of_its_own() {
    let mut transport = Transport::new(Side::Server, Settings::default());
    assert_eq!(transport.handle_packet(Time::ZERO, 0, b"A\x05\0\x01\0"), Err(Fault::Ack));
}

#[test]
fn an_honest_peer_acknowledges_no_number_that_was_left_out() {
    for seed in 0..20 {
        let path = Path { loss: 0.1, duplicate: 0.1, jitter: MS * 20, delay: MS * 15, ..Path::default() };
        let mut pair = Pair::on(seed, path);
        pair.transfer_both_ways(3, 500_000);
        pair.assert_empty();
    }
}

/// The round trip is made ten minutes long, so that what is lost would be remembered for half an hour, and each packet for the
/// peer's own behind it.
#[test]
fn a_peer_that_makes_round_trips_long_takes_no_memory() {
    let (mut now, random) = (Time::ZERO + MS, Random::from_seed([3; 32]));
    let mut transport = Transport::with_random(Side::Server, Settings::default(), random);
    let (id, mut own) = (StreamId(0), 0);
    let mut hear = |transport: &mut Transport, now, payload: &[u8]| {
        own += 2;
        transport.handle_packet(now, own, payload).unwrap();
    };
    let acknowledge = |number: u64| acknowledging(number..number + 1, &Frame::Floor { packet: 1 << 40 });
    let last = |transport: &mut Transport, now| {
        std::iter::from_fn(|| transport.poll_packet(now, &mut [0; 1_500])).last().map(|built| built.number)
    };
    hear(&mut transport, now, b"C\0\x80\x40\0\0\0\0");
    transport.write(now, id, &[1]);
    let first = last(&mut transport, now).unwrap();
    now += Duration::from_secs(600);
    hear(&mut transport, now, &acknowledge(first));
    last(&mut transport, now);
    let [lost, later] = [2, 3].map(|byte| {
        transport.write(now, id, &[byte]);
        last(&mut transport, now).unwrap()
    });
    now += MS;
    hear(&mut transport, now, &acknowledge(later));
    while transport.recovery.log.get(lost).unwrap().fate == Fate::InFlight {
        now = transport.poll_timeout().max(now + MS);
        transport.handle_timeout(now);
        if let Some(number) = last(&mut transport, now) {
            hear(&mut transport, now, &acknowledge(number));
        }
    }
    for _ in 0..200_000 {
        now += Duration::from_micros(50);
        hear(&mut transport, now, b"P");
        last(&mut transport, now);
    }
    let held = transport.recovery.log.next() - transport.recovery.log.base();
    assert!(held <= 70_000, "{held} packets are remembered");
}
