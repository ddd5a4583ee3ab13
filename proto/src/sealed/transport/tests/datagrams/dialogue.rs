//! One exchange at a time: what a frame does by the state of its flow.

use crate::sealed::handshake::terms::{Features, Limits};
use crate::sealed::streams::table::Side;
use crate::sealed::transport::datagrams::{DatagramCounts, DatagramRefused};
use crate::sealed::transport::tests::{MS, packet};
use crate::sealed::transport::{Event, Fault, Settings, Transport};
use crate::sealed::wire::frame::{Frame, Frames, ResetCode, StreamId};
use crate::time::Time;

const NOW: Time = Time::ZERO;
const ID: StreamId = StreamId(0);
const UDP: &[u8] = b"udp/a:1";

/// A peer's end, to which these frames come, each in a packet.
fn server(frames: &[Frame<'_>]) -> Transport {
    let mut transport = Transport::new(Side::Server, Settings::default());
    transport.set_peer_limits(&Transport::limits(&Settings::default()));
    take(&mut transport, 0, frames);
    transport
}

/// The frames come, each in a packet, the first of which has this number.
fn take(transport: &mut Transport, first: u64, frames: &[Frame<'_>]) {
    for (number, frame) in (first..).zip(frames) {
        transport.handle_packet(NOW + MS, number, &packet(std::slice::from_ref(frame))).unwrap();
    }
    transport.check_accounts();
}

const fn open(target: &[u8]) -> Frame<'_> {
    Frame::Open { id: ID, credit: 9_000, first: 0, target }
}

const fn datagram(bytes: &[u8]) -> Frame<'_> {
    Frame::Datagram { id: ID, bytes }
}

fn received(transport: &mut Transport) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| transport.recv_datagram(ID)).collect()
}

/// The datagrams in all packets that leave now.
fn leaving(now: Time, transport: &mut Transport) -> Vec<Vec<u8>> {
    let (mut room, mut found) = ([0; 1_500], Vec::new());
    while let Some(built) = transport.poll_packet(now, &mut room) {
        for frame in Frames::new(&room[..built.length]) {
            if let Frame::Datagram { bytes, .. } = frame.unwrap() {
                found.push(bytes.to_vec());
            }
        }
    }
    found
}

/// A client with one flow, whose peer shows these features.
fn client(features: Features) -> (Transport, StreamId) {
    let mut transport = Transport::new(Side::Client, Settings::default());
    let id = transport.open(UDP).unwrap();
    let limits =
        Limits { streams: 9, link_credit: 1 << 20, stream_credit: 1 << 16, datagram: 1_472, features };
    transport.send_datagram(NOW, id, b"before the handshake").unwrap();
    transport.set_peer_limits(&limits);
    (transport, id)
}

#[test]
fn a_datagram_that_overtakes_the_opening_of_its_flow_waits_for_it() {
    let mut transport = server(&[datagram(b"one"), datagram(b"two")]);
    assert_eq!((transport.stream_count(), transport.poll_event()), (0, None));
    take(&mut transport, 10, &[open(UDP)]);
    let events: Vec<_> = std::iter::from_fn(|| transport.poll_event()).collect();
    assert_eq!(events, [Event::Incoming { id: ID, target: UDP.into() }, Event::DatagramReadable(ID)]);
    assert_eq!(received(&mut transport), [b"one", b"two"]);
}

#[test]
fn one_event_until_all_is_received() {
    let mut transport = server(&[open(UDP), datagram(b""), datagram(b"x")]);
    let events = |transport: &mut Transport| std::iter::from_fn(|| transport.poll_event()).count();
    assert_eq!(events(&mut transport), 2);
    assert_eq!(received(&mut transport), [b"".to_vec(), b"x".to_vec()]);
    take(&mut transport, 20, &[datagram(b"y")]);
    assert_eq!((events(&mut transport), received(&mut transport)), (1, vec![b"y".to_vec()]));
}

#[test]
fn what_is_for_no_flow_is_counted_and_no_fault() {
    let mut transport = server(&[open(b"a:1"), datagram(b"x")]);
    assert_eq!(transport.datagram_counts(), DatagramCounts { not_flow: 1, ..DatagramCounts::default() });
    transport.reset(NOW, ID, ResetCode::Forbidden);
    take(&mut transport, 30, &[datagram(b"x")]);
    assert_eq!(transport.datagram_counts().not_flow, 2);

    let mut transport = server(&[open(UDP), datagram(b"x")]);
    transport.reset(NOW, ID, ResetCode::Forbidden);
    take(&mut transport, 40, &[datagram(b"x")]);
    let counts = transport.datagram_counts();
    assert_eq!((counts.received, counts.unread, counts.not_open), (1, 1, 1), "{counts:?}");
    assert_eq!((received(&mut transport), transport.kept()), (vec![], 0));
    let never = Frame::Datagram { id: StreamId(1), bytes: b"x" };
    assert_eq!(transport.handle_packet(NOW, 99, &packet(&[never])), Err(Fault::NeverOpened));
}

#[test]
fn an_end_is_said_once_and_what_came_before_can_still_be_received() {
    let mut transport = server(&[open(UDP), datagram(b"x")]);
    transport.accept(ID);
    take(&mut transport, 50, &[Frame::Data { id: ID, offset: 0, fin: true, bytes: b"" }]);
    let events: Vec<_> = std::iter::from_fn(|| transport.poll_event()).skip(1).collect();
    assert_eq!(events, [Event::DatagramReadable(ID), Event::Readable(ID)]);
    assert!(transport.is_read_to_end(ID));
    assert_eq!(received(&mut transport), [b"x"]);
}

#[test]
fn what_is_framed_badly_resets_the_flow() {
    let mut transport = server(&[open(UDP)]);
    let data = |offset, bytes| Frame::Data { id: ID, offset, fin: false, bytes };
    take(&mut transport, 60, &[data(0, b"\x02hi\x00\x05ho"), data(7, b"la!")]);
    assert_eq!(received(&mut transport), [b"hi".to_vec(), b"".to_vec(), b"hola!".to_vec()]);
    take(&mut transport, 70, &[data(10, b"\xff\xff\xff\xff\xff\xff\xff\xff")]);
    assert_eq!(transport.datagram_counts().malformed, 1);
    assert_eq!(transport.send_datagram(NOW, ID, b"x"), Err(DatagramRefused::NotOpen));
}

#[test]
fn what_nobody_receives_is_bounded_and_the_newest_stays() {
    let mut transport = server(&[open(UDP)]);
    for number in 0..10_000_u64 {
        let mut bytes = vec![7; 1_200];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        transport.handle_packet(NOW + MS, number + 2, &packet(&[datagram(&bytes)])).unwrap();
    }
    transport.check_accounts();
    assert!(transport.memory() <= 256 << 10, "{} bytes", transport.memory());
    let kept = received(&mut transport);
    assert_eq!(kept.last().unwrap()[..8], 9_999_u64.to_be_bytes());
    let counts = transport.datagram_counts();
    assert_eq!((counts.received, counts.unread), (10_000, 10_000 - kept.len() as u64));
}

#[test]
fn a_peer_without_the_feature_never_gets_one() {
    let (mut transport, id) = client(Features::NONE);
    assert_eq!(transport.send_datagram(NOW, id, b"after it"), Err(DatagramRefused::Unsupported));
    assert_eq!(leaving(NOW + MS, &mut transport), Vec::<Vec<u8>>::new());
    assert_eq!(transport.datagram_counts(), DatagramCounts { unsent: 2, ..DatagramCounts::default() });
    assert_eq!(transport.datagram_room(StreamId(8)), 0);
}

#[test]
fn what_waits_for_the_handshake_leaves_with_the_frame_that_opens_the_flow() {
    let (mut transport, _) = client(Features::DATAGRAMS);
    assert_eq!(leaving(NOW + MS * 2_900, &mut transport), [b"before the handshake"]);
    let (mut transport, _) = client(Features::DATAGRAMS);
    assert_eq!(leaving(NOW + MS * 3_100, &mut transport), Vec::<Vec<u8>>::new(), "it is asked again by now");
    assert_eq!(transport.datagram_counts().too_old, 1);
}

#[test]
fn another_peer_gets_what_waits_once_it_was_told_of_the_flow() {
    let (mut transport, id) = client(Features::DATAGRAMS);
    transport.reconnect();
    transport.set_peer_limits(&Transport::limits(&Settings::default()));
    transport.send_datagram(NOW, id, b"then").unwrap();
    assert_eq!(leaving(NOW + MS, &mut transport), [b"before the handshake".to_vec(), b"then".to_vec()]);
}

#[test]
fn a_flow_that_is_reset_takes_what_waits_with_it() {
    let (mut transport, id) = client(Features::DATAGRAMS);
    transport.reset(NOW, id, ResetCode::Idle);
    assert_eq!((transport.stream_count(), transport.memory()), (0, 0), "it was never announced");
    assert_eq!(transport.datagram_counts().unsent, 1);
    assert_eq!(transport.send_datagram(NOW, id, b"x"), Err(DatagramRefused::NotOpen));
    transport.check_accounts();
}

#[test]
fn small_ones_share_a_packet_and_none_is_sent_a_second_time() {
    let (mut transport, id) = client(Features::DATAGRAMS);
    (0..10).for_each(|_| transport.send_datagram(NOW, id, &[7; 100]).unwrap());
    let before = transport.next_packet();
    assert_eq!(leaving(NOW + MS, &mut transport).len(), 11);
    assert!(transport.next_packet() - before <= 2, "a packet or two");
    for second in 1..20 {
        let now = NOW + MS * 1_000 * second;
        transport.handle_timeout(now);
        assert_eq!(leaving(now, &mut transport), Vec::<Vec<u8>>::new(), "its packet was not acknowledged");
    }
}
