//! Streams that are given up before the other side has heard of them: it never does.

use super::pair::Pair;
use super::{MS, packet};
use crate::sealed::handshake::terms::Limits;
use crate::sealed::streams::table::Side;
use crate::sealed::transport::{Event, Settings, Transport};
use crate::sealed::wire::frame::{Frame, ResetCode, StreamId};
use crate::sim::Path;
use crate::time::Time;

#[test]
fn what_has_not_left_never_leaves_and_the_next_takes_its_number() {
    let mut transport = Transport::new(Side::Client, Settings::default());
    transport.set_peer_limits(&Limits { streams: 2, ..Transport::limits(&Settings::default()) });
    let [first, second] = [(); 2].map(|()| transport.open(b"target:1").unwrap());
    transport.reset(Time::ZERO, first, ResetCode::TimedOut);
    assert!(!transport.is_unheard(first) && transport.is_unheard(second));
    transport.check_accounts();
    assert_eq!(transport.open(b"target:1"), Some(first), "there is no gap for the peer to see");
}

#[test]
fn thousands_that_gave_up_in_turn_leave_no_trace() {
    let mut pair = Pair::on(7, Path { delay: 10 * MS, ..Path::default() });
    for round in 0..6_000 {
        let id = pair.client.transport.open(b"target:1").unwrap();
        pair.client.transport.reset(pair.now, id, ResetCode::TimedOut);
        assert!(id.0 >> 1 == 0, "{id:?} in round {round}");
    }
    pair.transfer_both_ways(3, 10_000);
    pair.assert_empty();
}

#[test]
fn a_reset_that_comes_with_the_opening_leaves_nothing_to_dial() {
    let mut transport = Transport::new(Side::Server, Settings::default());
    transport.set_peer_limits(&Transport::limits(&Settings::default()));
    let id = StreamId(0);
    let open = Frame::Open { id, credit: 100, first: 3, target: b"target:1" };
    let data = Frame::Data { id, offset: 0, fin: false, bytes: b"abc" };
    let reset = Frame::Reset { id, code: ResetCode::TimedOut, end: 3 };
    transport.handle_packet(Time::ZERO, 0, &packet(&[open, data, reset])).unwrap();
    let heard: Vec<Event> = std::iter::from_fn(|| transport.poll_event()).collect();
    assert_eq!(heard, [], "the application hears nothing of it");
    assert_eq!(transport.stream_count(), 0);
    transport.check_accounts();
}

/// More streams open than the frames of one packet: bytes of one leave before the frame that opens it. What came of it is known there,
/// so its number is not free.
#[test]
fn a_stream_of_which_bytes_have_left_keeps_its_number() {
    let now = Time::ZERO + MS;
    let mut transport = Transport::new(Side::Client, Settings::default());
    transport.set_peer_limits(&Transport::limits(&Settings::default()));
    let ids: Vec<StreamId> = (0..20).map(|_| transport.open(&[b'x'; 200]).unwrap()).collect();
    // Those that the first packet has no room to open.
    ids[10..].iter().for_each(|id| transport.write(now, *id, &[7; 100]));
    // The first looks for the size of the path.
    for at in 0..2 {
        transport.poll_packet(now + 100 * MS * at, &mut [0; 1_500]).expect("there is much to send");
    }
    let left = |transport: &Transport, id: StreamId| {
        let stream = transport.streams.peek(id).unwrap();
        (!stream.opening.is_unsaid(), stream.send.is_untouched())
    };
    assert!(ids.iter().any(|id| left(&transport, *id) == (false, false)), "no bytes went ahead");
    for id in &ids {
        let (announced, untouched) = left(&transport, *id);
        transport.reset(now, *id, ResetCode::TimedOut);
        let gone = transport.streams.peek(*id).is_none();
        assert_eq!(gone, !announced && untouched, "{id}: announced {announced}, untouched {untouched}");
    }
    transport.check_accounts();
}
