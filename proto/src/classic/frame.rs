//! The bytes of one datagram: `kind, id, payload`.

use std::ops::Deref;

use super::StreamId;

/// A datagram, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it asks for.
    pub kind: Kind,
    /// Which stream it is about.
    pub id: StreamId,
    /// What follows; may be empty.
    pub payload: &'a [u8],
}

/// The first byte of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `C`: open, opened or refused.
    Open,
    /// `D`: data.
    Data,
    /// `X`: the stream is over.
    Close,
}

/// What a `C` with one of these payloads says about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// `OK`: the exit has dialled the target.
    Opened,
    /// `NOK`: it could not.
    Refused,
}

/// Why a datagram is not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// No byte at all.
    Empty,
    /// The first byte, given, is not `C`, `D` or `X`.
    Kind(u8),
    /// There is no second byte.
    NoId,
    /// The second byte, given, is not an ASCII digit.
    Id(u8),
}

/// The two bytes before the payload of a data datagram.
pub const fn data_header(id: StreamId) -> [u8; HEADER_LEN] {
    [b'D', id.digit()]
}

/// Bytes before the payload.
pub const HEADER_LEN: usize = 2;

impl<'a> Frame<'a> {
    /// Reads a datagram. Never panics, whatever the bytes.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let (&kind, rest) = datagram.split_first().ok_or(ParseError::Empty)?;
        let kind = Kind::from_byte(kind).ok_or(ParseError::Kind(kind))?;
        let (&digit, payload) = rest.split_first().ok_or(ParseError::NoId)?;
        let id = StreamId::from_digit(digit).ok_or(ParseError::Id(digit))?;
        Ok(Self { kind, id, payload })
    }

    /// The answer in the payload of a `C`; `None` is a request. Bytes after `OK` and `NOK` are ignored, as those
    /// after a request are: some programs send a trailing byte.
    pub fn answer(&self) -> Option<Answer> {
        match self.kind {
            Kind::Open if self.payload.starts_with(b"OK") => Some(Answer::Opened),
            Kind::Open if self.payload.starts_with(b"NOK") => Some(Answer::Refused),
            Kind::Open | Kind::Data | Kind::Close => None,
        }
    }

    /// The bytes of this frame, as a new vector: for tests and tools, a shell writes [`data_header`] in place.
    pub fn to_vec(&self) -> Vec<u8> {
        [&[self.kind.byte(), self.id.digit()], self.payload].concat()
    }
}

impl Kind {
    /// The kind with this first byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'C' => Some(Self::Open),
            b'D' => Some(Self::Data),
            b'X' => Some(Self::Close),
            _ => None,
        }
    }

    /// Its first byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Open => b'C',
            Self::Data => b'D',
            Self::Close => b'X',
        }
    }
}

/// A datagram that carries no data, ready to send: derefs to its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    bytes: [u8; 5],
    len: u8,
}

impl Datagram {
    /// `C1`: please open.
    pub const fn open(id: StreamId) -> Self {
        Self { bytes: [b'C', id.digit(), 0, 0, 0], len: 2 }
    }

    /// `C1OK`: the target has been dialled.
    pub const fn opened(id: StreamId) -> Self {
        Self { bytes: [b'C', id.digit(), b'O', b'K', 0], len: 4 }
    }

    /// `C1NOK`: it could not be.
    pub const fn refused(id: StreamId) -> Self {
        Self { bytes: [b'C', id.digit(), b'N', b'O', b'K'], len: 5 }
    }

    /// `X1`: the stream is over.
    pub const fn close(id: StreamId) -> Self {
        Self { bytes: [b'X', id.digit(), 0, 0, 0], len: 2 }
    }
}

impl Deref for Datagram {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).expect("len is 2, 4 or 5, written above")
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("empty datagram"),
            Self::Kind(byte) => write!(f, "unknown kind 0x{byte:02x}"),
            Self::NoId => f.write_str("no stream id"),
            Self::Id(byte) => write!(f, "stream id 0x{byte:02x} is not a digit"),
        }
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> StreamId {
        StreamId::new(number).unwrap()
    }

    #[test]
    fn every_row_of_the_table_reads_as_written() {
        let one = id(1);
        let frame = |kind, payload| Ok(Frame { kind, id: one, payload });
        assert_eq!(Frame::parse(b"C1"), frame(Kind::Open, b"".as_slice()));
        assert_eq!(Frame::parse(b"C1OK"), frame(Kind::Open, b"OK".as_slice()));
        assert_eq!(Frame::parse(b"D1hola"), frame(Kind::Data, b"hola".as_slice()));
        assert_eq!(Frame::parse(b"X1"), frame(Kind::Close, b"".as_slice()));
        assert_eq!(Frame::parse(b"X1whatever"), frame(Kind::Close, b"whatever".as_slice()));
    }

    #[test]
    fn every_malformed_datagram_has_its_reason() {
        assert_eq!(Frame::parse(b""), Err(ParseError::Empty));
        assert_eq!(Frame::parse(b"Z1"), Err(ParseError::Kind(b'Z')));
        assert_eq!(Frame::parse(b"d1"), Err(ParseError::Kind(b'd')));
        assert_eq!(Frame::parse(b"D"), Err(ParseError::NoId));
        assert_eq!(Frame::parse(b"D:"), Err(ParseError::Id(b':')));
        assert_eq!(Frame::parse(b"D/"), Err(ParseError::Id(b'/')));
        assert_eq!(Frame::parse(b"D\x01"), Err(ParseError::Id(1)));
    }

    #[test]
    fn only_a_c_has_an_answer() {
        let answer = |datagram| Frame::parse(datagram).unwrap().answer();
        assert_eq!(answer(b"C1OK"), Some(Answer::Opened));
        assert_eq!(answer(b"C1NOK"), Some(Answer::Refused));
        for request in [&b"C1"[..], b"C10", b"C1O", b"C1NO", b"C1ok", b"D1OK", b"X1NOK"] {
            assert_eq!(answer(request), None, "{request:?}");
        }
    }

    #[test]
    fn what_is_sent_is_what_the_table_says() {
        let control =
            [Datagram::open, Datagram::opened, Datagram::refused, Datagram::close].map(|make| make(id(7)));
        assert_eq!(control.each_ref().map(|datagram| &datagram[..]), [&b"C7"[..], b"C7OK", b"C7NOK", b"X7"]);
        assert_eq!(data_header(id(0)), *b"D0");
        assert_eq!(StreamId::all().map(StreamId::digit).collect::<Vec<_>>(), b"0123456789");
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(kind in 0..3_usize, number in 0..10_u8, payload: Vec<u8>) {
            let kind = [Kind::Open, Kind::Data, Kind::Close][kind];
            let frame = Frame { kind, id: id(number), payload: &payload };
            let bytes = frame.to_vec();
            prop_assert_eq!(Frame::parse(&bytes), Ok(frame));
        }

        #[test]
        fn writing_undoes_reading(datagram in near_frames()) {
            if let Ok(frame) = Frame::parse(&datagram) {
                prop_assert_eq!(frame.to_vec(), datagram);
            } else {
                prop_assert!(datagram.len() < 2 || !b"CDX".contains(&datagram[0]) || !datagram[1].is_ascii_digit());
            }
        }
    }

    /// Bytes of which about a third are frames.
    fn near_frames() -> impl Strategy<Value = Vec<u8>> {
        let header = proptest::sample::select(b"CDX019:/Z".as_slice());
        (proptest::collection::vec(header, 0..3), any::<Vec<u8>>())
            .prop_map(|(header, rest)| [header, rest].concat())
    }
}
