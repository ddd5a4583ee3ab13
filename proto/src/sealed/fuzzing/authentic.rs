//! A transport whose peer holds the keys and says what it likes.

use crate::sealed::Side;
use crate::sealed::transport::{Event, Settings, Transport};
use crate::time::Time;
use std::convert::Infallible;
use std::time::Duration;

/// Bytes of a link's memory here: little, so that the limit is met.
const MEMORY: u64 = 1 << 20;

/// Streams that the peer may have here.
const STREAMS: usize = 8;

/// Cuts `bytes` into packets (a length of one byte, then as many) and gives them to a transport with a stream of its
/// own, answering events as an application does. Ends with the first fault, as a link does.
///
/// # Panics
/// If the transport does, or if it holds more memory than it may.
pub fn feed_transport(bytes: &[u8]) {
    let (side, mut rest) = match bytes.split_first() {
        Some((first, rest)) if first & 1 == 1 => (Side::Server, rest),
        _ => (Side::Client, bytes.get(1..).unwrap_or(&[])),
    };
    let settings = Settings { max_streams: STREAMS, memory: MEMORY, ..Settings::default() };
    let mut transport = Transport::new(side, settings);
    let mut now = Time::ZERO + Duration::from_secs(1);
    if let Some(id) = transport.open(b"target:1") {
        transport.write(now, id, &[7; 3_000]);
    }
    if let Some(id) = transport.open(b"udp/target:1") {
        let _ = transport.send_datagram(now, id, &[7; 3_000]);
        let _ = transport.send_datagram(now, id, &[7; 30]);
    }
    let mut number = 0;
    while let Some((&length, behind)) = rest.split_first() {
        let (payload, behind) = behind.split_at(usize::from(length).min(behind.len()));
        rest = behind;
        if transport.handle_packet(now, number, payload).is_err() {
            return;
        }
        number += 1 + u64::from(length & 3 == 3);
        serve(now, &mut transport, length);
        assert!(transport.memory() as u64 <= MEMORY, "{} bytes held", transport.memory());
        transport.check_accounts();
        now += Duration::from_millis(u64::from(length));
        transport.handle_timeout(now);
    }
}

fn serve(now: Time, transport: &mut Transport, dice: u8) {
    while let Some(event) = transport.poll_event() {
        match event {
            Event::Incoming { id, .. } => transport.accept(id),
            Event::Reset(id, _) => transport.discard(id),
            Event::Readable(id) if dice & 1 == 0 => {
                let all = |slices: &mut dyn Iterator<Item = &[u8]>| {
                    Ok::<_, Infallible>(slices.map(<[u8]>::len).sum())
                };
                let _ = transport.read_with(now, id, all);
                transport.finish(now, id);
            }
            Event::DatagramReadable(id) if dice & 2 == 0 => {
                while let Some(datagram) = transport.recv_datagram(id) {
                    let _ = transport.send_datagram(now, id, &datagram);
                }
            }
            Event::Readable(_)
            | Event::DatagramReadable(_)
            | Event::Opened(_)
            | Event::Writable(_)
            | Event::Delivered(_)
            | Event::Closed(_) => {}
        }
    }
    let mut out = vec![0; 9_000];
    while transport.poll_packet(now, &mut out).is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::wire::frame::{self, Frame, ResetCode, StreamId};
    use crate::sealed::wire::varint::Writer;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Frames that parse, with numbers near those that matter.
    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let number = prop_oneof![6 => 0u64..12, 1 => 65_530..65_540u64, 1 => Just((1 << 62) - 1)];
        let text = prop::collection::vec(any::<u8>(), 0..40);
        (0usize..15, number.clone(), number.clone(), number, text).prop_map(|(kind, a, b, c, text)| {
            let id = StreamId(a);
            let frame = match kind {
                0 => Frame::Padding,
                1 => Frame::Open { id, credit: b, first: if b < 70_000 { b } else { 0 }, target: &text },
                12 => Frame::Open { id, credit: b, first: b.min(4_000), target: b"udp/a:1" },
                13 => Frame::Datagram { id, bytes: &text },
                2 => Frame::Opened { id },
                3 | 4 if b < 1 << 61 => Frame::Data { id, offset: b, fin: c & 1 == 1, bytes: &text },
                5 => Frame::Reset { id, code: ResetCode::from_code(b), end: c },
                6 => Frame::Credit { id, end: b },
                7 => Frame::Floor { packet: a },
                8 => Frame::PathChallenge { token: a },
                9 => Frame::PathResponse { token: a },
                10 => Frame::End { code: a, reason: &text },
                11 => Frame::LinkCredit { limit: a },
                _ => Frame::Probe,
            };
            let mut room = [0; 200];
            let mut writer = Writer::new(&mut room);
            if kind == 11 {
                let low = a.min(1 << 20);
                let ranges = [low + 1..low + 2 + c.min(9), 0..b.min(low)];
                frame::put_ack(
                    &mut writer,
                    Duration::ZERO,
                    ranges.into_iter().filter(|range| !range.is_empty()),
                );
            } else {
                frame::put(&mut writer, &frame);
            }
            let length = writer.len();
            room[..length].to_vec()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            feed_transport(&bytes);
        }

        #[test]
        fn any_frames_are_survived(side in 0u8..2, frames in prop::collection::vec(frame(), 0..60)) {
            let mut bytes = vec![side];
            for frame in frames {
                bytes.push(u8::try_from(frame.len()).unwrap());
                bytes.extend(frame);
            }
            feed_transport(&bytes);
        }
    }
}
