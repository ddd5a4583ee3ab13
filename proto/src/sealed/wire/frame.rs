//! The frames inside a sealed packet: one instruction each, kind byte first.

use crate::sealed::wire::ecn::EcnCounts;
use crate::sealed::wire::end_code::MAX_REASON;
pub use crate::sealed::wire::reset_code::ResetCode;
use crate::sealed::wire::varint::{self, Writer};
use std::ops::Range;
use std::time::Duration;

/// Names a stream on its link. The lowest bit tells who opened it (0: the client of the handshake, proxy1; 1: its
/// server, proxy2); the rest counts up from 0. At most 2^62 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Kind bytes. `C`, `D` and `X` mean what they mean on the classic link.
pub mod kind {
    /// Fills a packet up; everything after it in the packet is ignored.
    pub const PADDING: u8 = 0;
    /// Acknowledges packets.
    pub const ACK: u8 = b'A';
    /// Opens a stream.
    pub const OPEN: u8 = b'C';
    /// Carries bytes of a stream.
    pub const DATA: u8 = b'D';
    /// Ends the link.
    pub const END: u8 = b'E';
    /// Packets below this number need no acknowledgement any more.
    pub const FLOOR: u8 = b'F';
    /// The target of a stream has been dialled.
    pub const OPENED: u8 = b'K';
    /// Lets the peer open more streams with first bytes.
    pub const LINK_CREDIT: u8 = b'M';
    /// Tells with which ECN marks packets came.
    pub const ECN: u8 = b'N';
    /// Asks for an acknowledgement.
    pub const PROBE: u8 = b'P';
    /// Asks whether the peer is reachable at an address.
    pub const PATH_CHALLENGE: u8 = b'Q';
    /// Answers a path challenge.
    pub const PATH_RESPONSE: u8 = b'R';
    /// Carries one datagram of a flow.
    pub const DATAGRAM: u8 = b'U';
    /// Lets the peer send more of a stream.
    pub const CREDIT: u8 = b'W';
    /// Resets a stream.
    pub const RESET: u8 = b'X';
}

/// One instruction inside a sealed packet. The specification says what each field may be.
#[expect(missing_docs, reason = "the fields are the words of the specification's table of frames")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The rest of the packet means nothing.
    Padding,
    /// Packets that arrived.
    Ack(Ack<'a>),
    /// How many packets came with each ECN mark.
    Ecn(EcnCounts),
    /// Opens stream `id` to `target`; the peer may send up to `credit` bytes on it, and its opener takes `first` bytes of the
    /// link credit for it.
    Open { id: StreamId, credit: u64, first: u64, target: &'a [u8] },
    /// The exit has dialled the target.
    Opened { id: StreamId },
    /// Bytes of a stream from `offset` on; `fin` says that the direction ends behind them.
    Data { id: StreamId, offset: u64, fin: bool, bytes: &'a [u8] },
    /// One datagram of the flow `id`.
    Datagram { id: StreamId, bytes: &'a [u8] },
    /// Both directions are over; this side sent bytes up to `end`.
    Reset { id: StreamId, code: ResetCode, end: u64 },
    /// The peer may send up to offset `end`.
    Credit { id: StreamId, end: u64 },
    /// The peer's new streams may take first bytes up to `limit`, counted since the link began.
    LinkCredit { limit: u64 },
    /// Ask for an acknowledgement.
    Probe,
    /// No packet below `packet` is waiting for an acknowledgement.
    Floor { packet: u64 },
    /// Answer with [`Frame::PathResponse`] and the same token, over the proven path.
    PathChallenge { token: u64 },
    /// The answer to a path challenge.
    PathResponse { token: u64 },
    /// The link is over; `code` says why, and `reason` says it in words: UTF-8 text, which may be empty.
    End { code: u64, reason: &'a [u8] },
}

/// What was wrong with the bytes of a packet that was authentic. The link ends: its peer does not speak this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A kind byte this version does not know.
    #[error("sent a frame of the unknown kind {0:#04x}")]
    Kind(u8),
    /// A frame ends behind the packet.
    #[error("sent a frame {0:#04x} that ends behind its packet")]
    Short(u8),
    /// A number is out of its range.
    #[error("sent a frame {0:#04x} with a number out of range")]
    Range(u8),
}

/// Takes the frames of one packet off its front, one by one.
#[derive(Clone, Debug)]
pub struct Frames<'a>(&'a [u8]);

impl<'a> Frames<'a> {
    /// The frames in `payload`, an opened packet.
    pub const fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, mut rest) = self.0.split_first()?;
        let parsed = parse(kind, &mut rest);
        let over = matches!(parsed, Ok(Frame::Padding) | Err(_));
        self.0 = if over { &[] } else { rest };
        Some(parsed)
    }
}

/// Whether the packet holds something that a user or their application has to say, and not only what links say of themselves.
pub(crate) fn is_content(payload: &[u8]) -> bool {
    Frames::new(payload).any(|frame| match frame {
        Ok(
            Frame::Padding
            | Frame::Ack(_)
            | Frame::Ecn(_)
            | Frame::LinkCredit { .. }
            | Frame::Probe
            | Frame::Floor { .. }
            | Frame::PathChallenge { .. }
            | Frame::PathResponse { .. },
        ) => false,
        Ok(
            Frame::Open { .. }
            | Frame::Opened { .. }
            | Frame::Data { .. }
            | Frame::Datagram { .. }
            | Frame::Reset { .. }
            | Frame::Credit { .. }
            | Frame::End { .. },
        )
        | Err(_) => true,
    })
}

/// Whether a packet holds nothing but path probes and padding: it does not say that its sender uses the path it came over (RFC 9000
/// section 9.1).
pub(crate) fn is_probing(payload: &[u8]) -> bool {
    let mut rest = payload;
    while let Some(kind) = rest.first() {
        let length = match *kind {
            // Everything after it is ignored.
            kind::PADDING => return true,
            kind::PATH_CHALLENGE | kind::PATH_RESPONSE => 1 + TOKEN_LEN,
            _ => return false,
        };
        let Some(behind) = rest.get(length..) else { return false };
        rest = behind;
    }
    true
}

/// Bytes of the token of a path probe.
const TOKEN_LEN: usize = 8;

fn parse<'a>(kind: u8, rest: &mut &'a [u8]) -> Result<Frame<'a>, Malformed> {
    let short = Malformed::Short(kind);
    let number = |rest: &mut &'a [u8]| varint::take(rest).ok_or(short);
    Ok(match kind {
        kind::PADDING => Frame::Padding,
        kind::PROBE => Frame::Probe,
        kind::DATA => {
            let (id, offset, length) = (StreamId(number(rest)?), number(rest)?, number(rest)?);
            let bytes = split(rest, length >> 1).ok_or(short)?;
            if offset + bytes.len() as u64 > varint::MAX {
                return Err(Malformed::Range(kind));
            }
            Frame::Data { id, offset, fin: length & 1 == 1, bytes }
        }
        kind::ACK => Frame::Ack(Ack::parse(rest)?),
        kind::ECN => {
            let (capable, low_latency, congested) = (number(rest)?, number(rest)?, number(rest)?);
            Frame::Ecn(EcnCounts { capable, low_latency, congested })
        }
        kind::DATAGRAM => {
            let (id, length) = (StreamId(number(rest)?), number(rest)?);
            Frame::Datagram { id, bytes: split(rest, length).ok_or(short)? }
        }
        kind::OPEN => {
            let (id, credit, first) = (StreamId(number(rest)?), number(rest)?, number(rest)?);
            let length = number(rest)?;
            Frame::Open { id, credit, first, target: split(rest, length).ok_or(short)? }
        }
        kind::OPENED => Frame::Opened { id: StreamId(number(rest)?) },
        kind::RESET => {
            let (id, code, end) = (StreamId(number(rest)?), number(rest)?, number(rest)?);
            Frame::Reset { id, code: ResetCode::from_code(code), end }
        }
        kind::CREDIT => Frame::Credit { id: StreamId(number(rest)?), end: number(rest)? },
        kind::LINK_CREDIT => Frame::LinkCredit { limit: number(rest)? },
        kind::FLOOR => Frame::Floor { packet: number(rest)? },
        kind::PATH_CHALLENGE => Frame::PathChallenge { token: token(rest).ok_or(short)? },
        kind::PATH_RESPONSE => Frame::PathResponse { token: token(rest).ok_or(short)? },
        kind::END => {
            let (code, length) = (number(rest)?, number(rest)?);
            if length > MAX_REASON as u64 {
                return Err(Malformed::Range(kind));
            }
            Frame::End { code, reason: split(rest, length).ok_or(short)? }
        }
        unknown => return Err(Malformed::Kind(unknown)),
    })
}

fn split<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (bytes, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some(bytes)
}

fn token(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u64::from_be_bytes(*bytes))
}

/// Bytes a data frame takes before its payload of at most `length` bytes.
pub const fn data_header_size(id: StreamId, offset: u64, length: usize) -> usize {
    1 + varint::size(id.0) + varint::size(offset) + varint::size((length as u64) << 1)
}

/// Writes the head of a data frame; the caller appends `length` bytes.
pub fn put_data_header(out: &mut Writer<'_>, id: StreamId, offset: u64, length: usize, fin: bool) {
    out.byte(kind::DATA);
    out.varint(id.0);
    out.varint(offset);
    out.varint((length as u64) << 1 | u64::from(fin));
}

/// Bytes of `U` with a datagram of `length` bytes.
pub const fn datagram_size(id: StreamId, length: usize) -> usize {
    1 + varint::size(id.0) + varint::size(length as u64) + length
}

/// The most bytes that a datagram has that makes a `U` of at most `room` bytes; `None` where not even an empty one fits.
pub const fn datagram_room(id: StreamId, room: usize) -> Option<usize> {
    let Some(left) = room.checked_sub(datagram_size(id, 0)) else { return None };
    // The length may need more bytes than that of an empty one.
    let more = varint::size(left as u64) - 1;
    Some(left.saturating_sub(more))
}

/// The most bytes that `C`, with a target of `target` bytes, can take.
pub const fn open_size(target: usize) -> usize {
    1 + 8 + 8 + 8 + 2 + target
}

/// The most bytes that any frame made of a kind and up to three numbers can take.
pub const SMALL_FRAME: usize = 1 + 3 * 8;

/// Writes any frame but `D` and `A`, which have writers of their own.
pub fn put(out: &mut Writer<'_>, frame: &Frame<'_>) {
    match frame {
        Frame::Padding => out.byte(kind::PADDING),
        Frame::Probe => out.byte(kind::PROBE),
        Frame::Open { id, credit, first, target } => {
            numbers(out, kind::OPEN, &[id.0, *credit, *first, target.len() as u64]);
            out.bytes(target);
        }
        Frame::Opened { id } => numbers(out, kind::OPENED, &[id.0]),
        Frame::Data { id, offset, fin, bytes } => {
            put_data_header(out, *id, *offset, bytes.len(), *fin);
            out.bytes(bytes);
        }
        Frame::Datagram { id, bytes } => {
            numbers(out, kind::DATAGRAM, &[id.0, bytes.len() as u64]);
            out.bytes(bytes);
        }
        Frame::Reset { id, code, end } => numbers(out, kind::RESET, &[id.0, code.code(), *end]),
        Frame::Credit { id, end } => numbers(out, kind::CREDIT, &[id.0, *end]),
        Frame::LinkCredit { limit } => numbers(out, kind::LINK_CREDIT, &[*limit]),
        Frame::Floor { packet } => numbers(out, kind::FLOOR, &[*packet]),
        Frame::Ecn(EcnCounts { capable, low_latency, congested }) => {
            numbers(out, kind::ECN, &[*capable, *low_latency, *congested]);
        }
        Frame::PathChallenge { token } => {
            out.byte(kind::PATH_CHALLENGE);
            out.bytes(&token.to_be_bytes());
        }
        Frame::PathResponse { token } => {
            out.byte(kind::PATH_RESPONSE);
            out.bytes(&token.to_be_bytes());
        }
        Frame::End { code, reason } => {
            numbers(out, kind::END, &[*code, reason.len() as u64]);
            out.bytes(reason);
        }
        Frame::Ack(ack) => {
            put_ack(out, ack.delay, ack.ranges());
        }
    }
}

fn numbers(out: &mut Writer<'_>, kind: u8, values: &[u64]) {
    out.byte(kind);
    for value in values {
        out.varint(*value);
    }
}

/// Packets that arrived, as ranges from the highest down, and how long the highest waited for this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    largest: u64,
    delay: Duration,
    ranges: u64,
    /// First range's length less one, then pairs of gap less one and length less one.
    body: &'a [u8],
}

impl<'a> Ack<'a> {
    /// How long the peer held the highest packet before it sent this, in whole microseconds on the wire.
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// The highest packet number acknowledged.
    pub const fn largest(&self) -> u64 {
        self.largest
    }

    /// The ranges, highest first, disjoint and not touching.
    pub const fn ranges(&self) -> AckRanges<'a> {
        AckRanges { body: self.body, end: self.largest + 1, left: self.ranges }
    }

    fn parse(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        let (short, range) = (Malformed::Short(kind::ACK), Malformed::Range(kind::ACK));
        let number = |rest: &mut &'a [u8]| varint::take(rest).ok_or(short);
        let (largest, delay, ranges) = (number(rest)?, number(rest)?, number(rest)?);
        if ranges == 0 {
            return Err(range);
        }
        let body = *rest;
        let mut end = largest + 1;
        for left in (0..ranges).rev() {
            let length = number(rest)? + 1;
            end = end.checked_sub(length).ok_or(range)?;
            if left > 0 {
                end = end.checked_sub(number(rest)? + 1).filter(|end| *end > 0).ok_or(range)?;
            }
        }
        let delay = Duration::from_micros(delay);
        Ok(Self { largest, delay, ranges, body: &body[..body.len() - rest.len()] })
    }
}

/// The ranges of an acknowledgement, highest first.
#[derive(Clone, Debug)]
pub struct AckRanges<'a> {
    body: &'a [u8],
    end: u64,
    left: u64,
}

impl Iterator for AckRanges<'_> {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        self.left = self.left.checked_sub(1)?;
        let range = take_range(&mut self.body, self.end)?;
        self.end = range.start;
        if self.left > 0 {
            self.end = self.end.checked_sub(varint::take(&mut self.body)? + 1)?;
        }
        Some(range)
    }
}

/// The range that ends at `end`, by its length from `body`.
fn take_range(body: &mut &[u8], end: u64) -> Option<Range<u64>> {
    let length = varint::take(body)? + 1;
    Some(end.checked_sub(length)?..end)
}

/// Writes an acknowledgement of `ranges`, given from the highest down, as many as fit; false where not even one fits.
pub fn put_ack(
    out: &mut Writer<'_>,
    delay: Duration,
    ranges: impl Iterator<Item = Range<u64>> + Clone,
) -> bool {
    let Some(first) = ranges.clone().next() else { return false };
    let micros = u64::try_from(delay.as_micros()).unwrap_or(varint::MAX).min(varint::MAX);
    let head = 1 + varint::size(first.end - 1) + varint::size(micros);
    let mut room = out.room().saturating_sub(head + 4); // 4: the count of ranges, below 2^30
    let mut count = 0u64;
    let mut low = first.end + 1;
    for range in ranges.clone() {
        let gap = if count == 0 { 0 } else { varint::size(low - range.end - 1) };
        let size = gap + varint::size(range.end - range.start - 1);
        if size > room {
            break;
        }
        (room, low, count) = (room - size, range.start, count + 1);
    }
    if count == 0 || head + 4 > out.room() {
        return false;
    }
    numbers(out, kind::ACK, &[first.end - 1, micros, count]);
    for (at, range) in ranges.take(usize::try_from(count).unwrap_or(usize::MAX)).enumerate() {
        if at > 0 {
            out.varint(low - range.end - 1);
        }
        out.varint(range.end - range.start - 1);
        low = range.start;
    }
    true
}
