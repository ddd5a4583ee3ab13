//! Frames: what their bytes are, and which bytes are none.

use super::{Vectors, hex};
use crate::sealed::wire::frame::{self, Frame, Frames, Malformed, kind};
use crate::sealed::wire::varint::Writer;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A frame as the file has it, but for its bytes.
fn described(frame: &Frame<'_>) -> Value {
    match frame {
        Frame::Padding => json!({"kind": "padding"}),
        Frame::Ack(ack) => {
            let ranges: Vec<_> = ack.ranges().map(|range| [range.start, range.end - 1]).collect();
            json!({"kind": "A", "delay": u64::try_from(ack.delay().as_micros()).unwrap(), "ranges": ranges})
        }
        Frame::Open { id, credit, first, target } => {
            json!({"kind": "C", "id": id.0, "credit": credit, "first": first, "target": hex(target)})
        }
        Frame::Data { id, offset, fin, bytes } => {
            json!({"kind": "D", "id": id.0, "offset": offset, "end": u8::from(*fin), "bytes": hex(bytes)})
        }
        Frame::Datagram { id, bytes } => json!({"kind": "U", "id": id.0, "bytes": hex(bytes)}),
        Frame::End { code, reason } => json!({"kind": "E", "code": code, "reason": hex(reason)}),
        Frame::Floor { packet } => json!({"kind": "F", "packet": packet}),
        Frame::Opened { id } => json!({"kind": "K", "id": id.0}),
        Frame::Ecn(counts) => json!({
            "kind": "N",
            "capable": counts.capable,
            "low_latency": counts.low_latency,
            "congested": counts.congested,
        }),
        Frame::LinkCredit { limit } => json!({"kind": "M", "offset": limit}),
        Frame::Probe => json!({"kind": "P"}),
        Frame::PathChallenge { token } => json!({"kind": "Q", "token": hex(&token.to_be_bytes())}),
        Frame::PathResponse { token } => json!({"kind": "R", "token": hex(&token.to_be_bytes())}),
        Frame::Credit { id, end } => json!({"kind": "W", "id": id.0, "offset": end}),
        Frame::Reset { id, code, end } => {
            json!({"kind": "X", "id": id.0, "code": code.code(), "offset": end})
        }
    }
}

/// The one frame that the entry's bytes are, described, and the bytes that it is written as.
fn read_and_write(entry: &Vectors) -> (Value, String) {
    let bytes = entry.bytes("/frame");
    let frames: Vec<_> = Frames::new(&bytes).collect::<Result<_, _>>().unwrap();
    let [frame] = &frames[..] else { panic!("{} frames", frames.len()) };
    let mut room = [0; 256];
    let mut writer = Writer::new(&mut room);
    frame::put(&mut writer, frame);
    let length = writer.len();
    (described(frame), hex(&room[..length]))
}

/// What the file says of a frame, but for its bytes.
fn fields(entry: &Vectors) -> Value {
    let mut entry = entry.0.as_object().unwrap().clone();
    entry.remove("frame");
    entry.into()
}

#[test]
fn every_kind_of_frame_is_read_and_written_as_its_vector() {
    let vectors = Vectors::load("frames");
    let mut kinds = BTreeSet::new();
    for entry in vectors.list("/frames") {
        assert_eq!(read_and_write(&entry), (fields(&entry), entry.text("/frame").into()));
        kinds.insert(entry.bytes("/frame")[0]);
    }
    use kind::*;
    let all = [
        PADDING,
        ACK,
        OPEN,
        DATA,
        END,
        FLOOR,
        OPENED,
        LINK_CREDIT,
        ECN,
        PROBE,
        PATH_CHALLENGE,
        PATH_RESPONSE,
        CREDIT,
        DATAGRAM,
        RESET,
    ];
    assert_eq!(kinds, all.into());
}

#[test]
fn numbers_may_be_longer_than_they_need_be() {
    for entry in Vectors::load("frames").list("/longer_than_needed") {
        let (read, written) = read_and_write(&entry);
        assert_eq!(read, fields(&entry));
        assert!(written.len() < entry.text("/frame").len());
    }
}

#[test]
fn what_is_no_frame_is_a_fault_by_the_name_that_the_vector_says() {
    for entry in Vectors::load("frames").list("/faults") {
        let bytes = entry.bytes("/frame");
        let fault = match Frames::new(&bytes).find_map(Result::err).expect("a fault") {
            Malformed::Kind(_) => "unknown kind",
            Malformed::Short(_) => "ends behind its packet",
            Malformed::Range(_) => "number out of range",
        };
        assert_eq!(fault, entry.text("/fault"), "{}", hex(&bytes));
    }
}
