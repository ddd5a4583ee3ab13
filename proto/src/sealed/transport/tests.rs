//! Two transports on a virtual clock with a bad network between them.
#![expect(clippy::print_stdout, reason = "a test's measurements, shown with --nocapture")]

mod bottleneck;
mod busy_hosts;
mod crowd;
mod dead_path;
mod gentle;
mod large_packets;
mod many_streams;
mod network;
mod optimistic;
mod pair;
mod rivals;
mod speed;
mod thin;

use super::{Event, Settings, Transport};
use crate::sealed::frame::{self, Frame, Frames, ResetCode, StreamId};
use crate::sealed::handshake::Limits;
use crate::sealed::streams::Side;
use crate::sealed::varint::Writer;
use crate::time::Time;
use network::Path;
use pair::Pair;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_stream_crosses_a_clean_path() {
    let mut pair = Pair::new(1, Path { rtt: 50 * MS, ..Path::default() });
    pair.transfer_both_ways(3, 200_000);
    pair.assert_empty();
}

#[test]
#[expect(clippy::print_stdout, reason = "shown only with a failure: its seed")]
fn everything_arrives_whatever_the_path_does() {
    for seed in 0..60u64 {
        let path = Path {
            rtt: MS * u32::try_from(seed * 7 % 200).unwrap(),
            jitter: if seed % 3 == 0 { 20 * MS } else { Duration::ZERO },
            loss: f64::from(u32::try_from(seed % 6).unwrap()) * 0.1,
            burst: if seed % 4 == 1 { 8.0 } else { 1.0 },
            duplicate: if seed % 5 == 2 { 0.1 } else { 0.0 },
            rate: if seed % 2 == 0 { 1_000_000 } else { 0 },
            ..Path::default()
        };
        println!("seed {seed}: {path:?}");
        let mut pair = Pair::new(seed, path);
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
    assert_eq!(first, Ok(Frame::Checked { token: 7 }));
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

/// What leaves of 300,000 bytes on a stream before anything is heard, if the handshake says `credit`. The stream is
/// opened before or after that.
fn leaves_at_once(credit: u64, before: bool) -> u64 {
    let now = Time::ZERO + MS;
    let mut transport = Transport::new(Side::Client, Settings::default());
    let limits = Limits { streams: 1, stream_credit: credit, datagram: 1_472, ..Limits::default() };
    let early = before.then(|| transport.open(b"").unwrap());
    transport.set_peer_limits(&limits);
    let id = early.unwrap_or_else(|| transport.open(b"").unwrap());
    transport.write(now, id, &[7; 300_000]);
    let (key, mut sent) = (transport.streams.key(id).unwrap(), 0);
    while let Some(piece) = transport.streams.get(key).and_then(|(stream, _)| stream.send.take(1_000)) {
        sent = piece.range.end;
    }
    sent
}

#[test]
fn the_credit_of_a_new_stream_is_that_of_the_handshake_and_no_less_than_64_kib() {
    for before in [true, false] {
        assert_eq!(leaves_at_once(100_000, before), 100_000);
        assert_eq!(leaves_at_once(0, before), 65_536, "a peer that says less takes that all the same");
    }
}

#[test]
fn a_peer_that_sends_more_than_the_handshake_allowed_is_at_fault() {
    for (memory, credit) in [(64 << 20, 128 << 10), (1 << 20, 64 << 10)] {
        let settings = Settings { memory, ..Settings::default() };
        assert_eq!(Transport::limits(&settings).stream_credit, credit);
        for (offset, fits) in [(credit - 1, true), (credit, false)] {
            let mut transport = Transport::new(Side::Server, settings);
            let mut room = [0; 100];
            let mut writer = Writer::new(&mut room);
            frame::put_data_header(&mut writer, StreamId(0), offset, 1, false);
            let length = writer.len() + 1;
            let taken = transport.handle_packet(Time::ZERO + MS, 0, &room[..length]);
            assert_eq!(taken.is_ok(), fits, "{taken:?} at {offset} of {credit}");
        }
    }
}

#[test]
fn another_peer_is_not_held_to_the_credit_of_the_one_before() {
    let mut transport = Transport::new(Side::Client, Settings::default());
    let limits = Limits { streams: 1, stream_credit: 1 << 20, ..Limits::default() };
    transport.set_peer_limits(&limits);
    let id = transport.open(b"").unwrap();
    transport.write(Time::ZERO, id, &[7; 200_000]);
    transport.reconnect();
    transport.set_peer_limits(&Limits { stream_credit: 1 << 16, ..limits });
    let key = transport.streams.key(id).unwrap();
    let (stream, _) = transport.streams.get(key).unwrap();
    assert_eq!(stream.send.take(1 << 20).map(|piece| piece.range.end), Some(65_536));
}

/// A transport with one stream that has taken nearly all the memory, and one that waits for some.
fn short_of_memory(now: Time) -> (Transport, [StreamId; 2]) {
    let settings = Settings { memory: 256 << 10, ..Settings::default() };
    let mut transport = Transport::new(Side::Client, settings);
    let ids = [(); 2].map(|()| transport.open(b"").unwrap());
    for id in ids {
        let room = transport.room(id);
        assert!(room > 0);
        transport.write(now, id, &vec![7; room]);
        assert_eq!(transport.room(id), 0);
    }
    (transport, ids)
}

fn is_told(transport: &mut Transport, id: StreamId) -> bool {
    std::iter::from_fn(|| transport.poll_event()).any(|event| event == Event::Writable(id))
}

#[test]
fn memory_that_a_reset_frees_is_told_to_who_waits_for_it() {
    let now = Time::ZERO + MS;
    let (mut transport, [large, waits]) = short_of_memory(now);
    transport.reset(now, large, ResetCode::Reset);
    assert!(is_told(&mut transport, waits), "our own reset");

    let (mut transport, [large, waits]) = short_of_memory(now);
    let mut room = [0; 100];
    let mut writer = Writer::new(&mut room);
    frame::put(&mut writer, &Frame::Reset { id: large, code: ResetCode::Reset, end: 0 });
    let length = writer.len();
    transport.handle_packet(now, 0, &room[..length]).unwrap();
    assert!(is_told(&mut transport, waits), "the peer's reset");
}

#[test]
fn a_writer_that_is_too_far_ahead_is_told_when_its_bytes_leave() {
    let now = Time::ZERO + MS;
    let mut transport = Transport::new(Side::Client, Settings::default());
    let id = transport.open(b"").unwrap();
    let room = transport.room(id);
    transport.write(now, id, &vec![7; room - 16_000]);
    assert_eq!(transport.room(id), 0, "16,000 bytes are not worth a read");
    assert!(!is_told(&mut transport, id));
    let mut sent = 0;
    while let Some(built) = transport.poll_packet(now, &mut [0; 1_500]) {
        sent += built.length;
    }
    assert!(sent > 500, "{sent} bytes");
    assert!(is_told(&mut transport, id), "without any acknowledgement");
}
