//! Two transports on a virtual clock with a bad network between them.
#![expect(clippy::print_stdout, reason = "a test's measurements, shown with --nocapture")]

mod busy_hosts;
mod crowd;
mod datagrams;
mod dead_path;
mod ecn;
mod faults;
mod figures;
mod gentle;
mod given_up;
mod large_packets;
mod long_and_fat;
mod many_streams;
mod optimistic;
mod pair;
mod reordering;
mod rivals;
mod shared_memory;
mod speed;
mod stuck;
mod thin;

use super::{Event, Fault, Settings, Transport};
use crate::sealed::handshake::terms::Limits;
use crate::sealed::streams::recv::StreamViolation;
use crate::sealed::streams::table::Side;
use crate::sealed::wire::frame::{self, Frame, Frames, ResetCode, StreamId};
use crate::sealed::wire::varint::Writer;
use crate::sim::Path;
use crate::time::Time;
use pair::Pair;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_stream_crosses_a_clean_path() {
    let mut pair = Pair::on(1, Path { delay: 25 * MS, ..Path::default() });
    pair.transfer_both_ways(3, 200_000);
    pair.assert_empty();
}

#[test]
#[expect(clippy::print_stdout, reason = "shown only with a failure: its seed")]
fn everything_arrives_whatever_the_path_does() {
    for seed in 0..60u64 {
        let path = Path {
            delay: MS * u32::try_from(seed * 7 % 200).unwrap() / 2,
            jitter: if seed % 3 == 0 { 20 * MS } else { Duration::ZERO },
            loss: f64::from(u32::try_from(seed % 6).unwrap()) * 0.1,
            burst: if seed % 4 == 1 { 8.0 } else { 0.0 },
            duplicate: if seed % 5 == 2 { 0.1 } else { 0.0 },
            rate: if seed % 2 == 0 { 1_000_000 } else { 0 },
            ..Path::default()
        };
        println!("seed {seed}: {path:?}");
        let mut pair = Pair::on(seed, path);
        pair.transfer_both_ways(1 + usize::try_from(seed % 20).unwrap(), 20_000);
        pair.assert_empty();
    }
}

#[test]
fn the_answer_to_a_challenge_has_room_before_any_acknowledgement() {
    let mut transport = Transport::new(Side::Client, Settings::default());
    let now = Time::ZERO + MS;
    for number in (0..2_000).step_by(2) {
        transport.handle_packet(now, number, b"P").unwrap();
    }
    transport.handle_packet(now, 2_001, b"Q\0\0\0\0\0\0\0\x07").unwrap();
    let mut room = [0; 48];
    let built = transport.poll_packet(now, &mut room).unwrap();
    let first = Frames::new(&room[..built.length]).next().unwrap();
    assert_eq!(first, Ok(Frame::PathResponse { token: 7 }));
}

#[test]
fn a_peer_that_takes_no_datagrams_gets_small_ones() {
    let mut transport = Transport::new(Side::Client, Settings::default());
    let limits = Limits { streams: 1, datagram: 0, ..Limits::default() };
    transport.set_peer_limits(&limits);
    transport.probe();
    let mut room = [0; 1_500];
    assert!(transport.poll_packet(Time::ZERO + MS, &mut room).is_some());
}

/// A client to which the handshake advertised this credit.
fn advertised(link_credit: u64, stream_credit: u64) -> Transport {
    let mut transport = Transport::new(Side::Client, Settings::default());
    let limits = Limits { streams: 9, link_credit, stream_credit, datagram: 1_472, ..Limits::default() };
    transport.set_peer_limits(&limits);
    transport
}

#[test]
fn a_probe_is_acknowledged_at_once_where_nothing_is_under_way() {
    for (streams, at_once) in [(0, true), (1, false)] {
        let mut transport = advertised(200_000, 100_000);
        for _ in 0..streams {
            transport.open(b"").unwrap();
        }
        let now = Time::ZERO + MS;
        transport.handle_packet(now, 0, b"P").unwrap();
        assert_eq!(transport.acks.due().map(|due| due <= now), Some(at_once), "{streams} streams");
    }
}

/// What leaves of 300,000 bytes on the stream before anything is heard.
fn leaves(transport: &mut Transport, id: StreamId) -> u64 {
    transport.write(Time::ZERO + MS, id, &[7; 300_000]);
    let (key, mut sent) = (transport.streams.key(id).unwrap(), 0);
    transport.streams.take_first(key);
    while let Some(piece) = transport.streams.get(key).and_then(|(stream, _)| stream.send.take(1_000)) {
        sent = piece.range.end;
    }
    sent
}

#[test]
fn new_streams_divide_the_link_credit_of_the_handshake() {
    let mut transport = advertised(200_000, 100_000);
    let ids: Vec<_> = (0..4).map(|_| transport.open(b"").unwrap()).collect();
    let firsts: Vec<_> = ids.iter().map(|id| leaves(&mut transport, *id)).collect();
    assert_eq!(firsts, [100_000, 47_728, 19_140, 16_748], "bulk takes more, but not what others have taken");

    let mut transport = advertised(150_000, 100_000);
    let firsts: Vec<_> = (0..4)
        .map(|_| {
            let id = transport.open(b"").unwrap();
            leaves(&mut transport, id)
        })
        .collect();
    assert_eq!(firsts, [100_000, 33_616, 2_048, 2_048], "the last 16 KiB go in small parts");

    let mut transport = advertised(200_000, 100_000);
    let ids = [(); 4].map(|()| transport.open(b"").unwrap());
    transport.poll_packet(Time::ZERO + MS, &mut [0; 1_500]).expect("the frames that open them");
    let firsts = ids.map(|id| transport.streams.peek(id).unwrap().send.credit_left());
    assert_eq!(firsts, [25_000, 21_875, 19_140, 16_748], "nobody knows yet how much they will send");

    let mut transport = Transport::new(Side::Client, Settings::default());
    let early = transport.open(b"").unwrap();
    transport.set_peer_limits(&Limits {
        streams: 1,
        link_credit: 50_000,
        stream_credit: 100_000,
        ..Limits::default()
    });
    assert_eq!(leaves(&mut transport, early), 33_616, "also one that was opened before");
}

/// The frames as one packet's bytes.
fn packet(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut room = vec![0; 1_500];
    let mut writer = Writer::new(&mut room);
    frames.iter().for_each(|frame| frame::put(&mut writer, frame));
    let length = writer.len();
    room.truncate(length);
    room
}

#[test]
fn a_peer_that_goes_beyond_its_credit_is_at_fault() {
    let (now, id) = (Time::ZERO + MS, StreamId(0));
    let open = |first| packet(&[Frame::Open { id, credit: 0, first, target: b"" }]);
    let mut transport = Transport::new(Side::Server, Settings::default());
    let credit = transport.streams.promises.advertised();
    let fault = transport.handle_packet(now, 0, &open(credit + 1));
    assert_eq!(fault, Err(Fault::Violation(StreamViolation::LinkCredit)));
    for (beyond, fault) in [(0, Ok(())), (1, Err(Fault::Violation(StreamViolation::Credit)))] {
        let mut transport = Transport::new(Side::Server, Settings::default());
        transport.handle_packet(now, 0, &open(credit)).unwrap();
        let offset = transport.streams.peek(id).unwrap().recv.granted() - 1 + beyond;
        let data = Frame::Data { id, offset, fin: false, bytes: b"x" };
        assert_eq!(transport.handle_packet(now, 1, &packet(&[data])), fault);
    }
}

#[test]
fn another_peer_is_not_held_to_the_credit_of_the_one_before() {
    let mut transport = advertised(1 << 20, 1 << 20);
    let id = transport.open(b"").unwrap();
    transport.reconnect();
    transport.set_peer_limits(&Limits {
        streams: 1,
        link_credit: 80_000,
        stream_credit: 1 << 16,
        datagram: 1_472,
        ..Limits::default()
    });
    assert_eq!(leaves(&mut transport, id), 63_616);
}

#[test]
fn bytes_that_overtake_the_opening_of_their_stream_are_kept_and_no_stream_is_made_of_them() {
    let mut transport = Transport::new(Side::Server, Settings::default());
    let (now, id) = (Time::ZERO + MS, StreamId(4));
    let before = transport.memory();
    transport
        .handle_packet(now, 1, &packet(&[Frame::Data { id, offset: 2, fin: true, bytes: b"la" }]))
        .unwrap();
    assert_eq!(transport.stream_count(), 0);
    transport
        .handle_packet(now, 0, &packet(&[Frame::Open { id, credit: 0, first: 9, target: b"" }]))
        .unwrap();
    transport
        .handle_packet(now, 2, &packet(&[Frame::Data { id, offset: 0, fin: false, bytes: b"ho" }]))
        .unwrap();
    assert_eq!(transport.readable(id), 4);
    transport.reset(now, id, ResetCode::Reset);
    assert_eq!(transport.memory(), before);
}

#[test]
fn a_stream_whose_opening_has_not_come_costs_less_than_200_bytes() {
    let mut transport = Transport::new(Side::Server, Settings::default());
    let mut taken = 0;
    for at in 0..1_000u64 {
        let data = Frame::Data { id: StreamId(at * 2), offset: 0, fin: false, bytes: b"x" };
        transport.handle_packet(Time::ZERO + MS, at, &packet(&[data])).unwrap();
        taken = at + 1;
    }
    assert_eq!(transport.stream_count(), 0);
    assert!((transport.memory() as u64) < taken * 200, "{} bytes for {taken} streams", transport.memory());
}

#[test]
fn streams_that_are_refused_and_never_acknowledged_do_not_fill_the_table() {
    let settings = Settings { max_streams: 1, ..Settings::default() };
    let mut transport = Transport::new(Side::Server, settings);
    for at in 0..1_000 {
        let open = Frame::Open { id: StreamId(at * 2), credit: 0, first: 0, target: b"" };
        transport.handle_packet(Time::ZERO + MS, at, &packet(&[open])).unwrap();
    }
    assert_eq!(transport.stream_count(), 1 + 256, "one, and what waits for the peer to know of its reset");
    transport.check_accounts();
}

#[test]
fn many_bytes_with_gaps_that_came_before_their_stream_are_all_kept() {
    // Little memory, so a window of a few packets that may have few gaps.
    let settings = Settings { memory: 512 << 10, ..Settings::default() };
    let mut transport = Transport::new(Side::Server, settings);
    let (now, id) = (Time::ZERO + MS, StreamId(0));
    let data = |offset| packet(&[Frame::Data { id, offset, fin: false, bytes: b"x" }]);
    for at in 0..40 {
        transport.handle_packet(now, at, &data(1 + at * 2)).unwrap();
    }
    let open = Frame::Open { id, credit: 0, first: 100, target: b"" };
    transport.handle_packet(now, 40, &packet(&[open])).unwrap();
    for at in 0..40 {
        transport.handle_packet(now, 41 + at, &data(at * 2)).unwrap();
    }
    assert_eq!(transport.readable(id), 80, "what was acknowledged does not come again");
}

/// A transport with one stream that has taken nearly all the memory, and one that waits for some.
fn short_of_memory(now: Time) -> (Transport, [StreamId; 2]) {
    let settings = Settings { memory: 256 << 10, ..Settings::default() };
    let mut transport = Transport::new(Side::Client, settings);
    let limits = Limits {
        streams: 9,
        link_credit: 1 << 30,
        stream_credit: 1 << 20,
        datagram: 1_472,
        ..Limits::default()
    };
    transport.set_peer_limits(&limits);
    let ids = [(); 2].map(|()| transport.open(b"").unwrap());
    transport.poll_packet(now, &mut [0; 1_500]).expect("the frames that open them");
    for id in ids {
        let room = transport.poll_room(now, id);
        assert!(room > 0);
        transport.write(now, id, &vec![7; room]);
        assert_eq!(transport.poll_room(now, id), 0);
    }
    (transport, ids)
}

fn is_notified(transport: &mut Transport, id: StreamId) -> bool {
    std::iter::from_fn(|| transport.poll_event()).any(|event| event == Event::Writable(id))
}

#[test]
fn a_writer_that_waits_for_memory_is_notified_when_a_reset_frees_some() {
    let now = Time::ZERO + MS;
    let (mut transport, [large, waits]) = short_of_memory(now);
    let reset = Frame::Reset { id: large, code: ResetCode::Reset, end: 0 };
    transport.handle_packet(now, 0, &packet(&[reset])).unwrap();
    assert!(is_notified(&mut transport, waits), "the peer's reset");
}

#[test]
fn a_writer_that_is_too_far_ahead_is_notified_when_its_bytes_leave() {
    let now = Time::ZERO + MS;
    let mut transport = advertised(1 << 30, 1 << 20);
    let id = transport.open(b"").unwrap();
    transport.poll_packet(now, &mut [0; 1_500]).expect("the frame that opens it");
    let room = transport.poll_room(now, id);
    transport.write(now, id, &vec![7; room - 16_000]);
    assert_eq!(transport.poll_room(now, id), 0, "16,000 bytes are not worth a read");
    assert!(!is_notified(&mut transport, id));
    let mut sent = 0;
    while let Some(built) = transport.poll_packet(now, &mut [0; 1_500]) {
        sent += built.length;
    }
    assert!(sent > 500, "{sent} bytes");
    assert!(is_notified(&mut transport, id), "without any acknowledgement");
}
