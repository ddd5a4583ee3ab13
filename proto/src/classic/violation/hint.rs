//! The likely mistakes behind bytes that are not understood.

use std::fmt;

use super::super::StreamId;
use super::super::frame::Kind;
use crate::sealed::handshake::messages::InitiationView;

/// Why the first byte may not be a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindHint {
    /// It is one in lower case.
    LowerCase(Kind),
    /// It is a digit, and a kind follows it.
    Swapped(StreamId, Kind),
    /// It begins a handshake of the sealed link, and the datagram has the length of one.
    SealedHandshake,
}

/// Why the second byte may not be a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdHint {
    /// It is the number of an id, not its digit.
    Number(StreamId),
    /// It is a number above the last id, this one.
    OutOfRange(u8),
    /// It is the beginning of `OK` or `NOK`.
    AnswerFirst,
    /// It is a space.
    Space,
    /// It is a small letter, which stands for the id in descriptions: `CoOK`.
    Letter,
}

/// Why a `C` may be no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerHint {
    /// `ok` or `nok` in lower case.
    LowerCase,
    /// `OK` or `NOK` is there, but not right behind the id.
    NotBehindId,
}

impl KindHint {
    pub(super) fn of(datagram: &[u8]) -> Option<Self> {
        let (&first, rest) = datagram.split_first()?;
        if InitiationView::parse(datagram).is_some() {
            return Some(Self::SealedHandshake);
        }
        if let Some(kind) = Kind::from_byte(first.to_ascii_uppercase()) {
            return Some(Self::LowerCase(kind));
        }
        let id = StreamId::from_digit(first)?;
        let kind = Kind::from_byte(rest.first()?.to_ascii_uppercase())?;
        Some(Self::Swapped(id, kind))
    }
}

impl IdHint {
    pub(super) const fn of(byte: u8) -> Option<Self> {
        match (StreamId::new(byte), byte) {
            (Some(id), _) => Some(Self::Number(id)),
            (None, b' ') => Some(Self::Space),
            (None, b'O' | b'N') => Some(Self::AnswerFirst),
            (None, 0..b' ') => Some(Self::OutOfRange(byte)),
            // Whoever adds ten to '0' gets a colon.
            (None, b':') => Some(Self::OutOfRange(byte - b'0')),
            (None, b'a'..=b'z') => Some(Self::Letter),
            (None, _) => None,
        }
    }
}

impl AnswerHint {
    /// Bytes of the payload that are looked at: a space and a second digit go before `NOK` at most.
    const LOOK: usize = 6;

    pub(super) fn of(payload: &[u8]) -> Option<Self> {
        let start = payload.get(..Self::LOOK).unwrap_or(payload);
        let upper = start.to_ascii_uppercase();
        if upper.starts_with(b"OK") || upper.starts_with(b"NOK") {
            return Some(Self::LowerCase);
        }
        upper.windows(2).any(|pair| pair == b"OK").then_some(Self::NotBehindId)
    }
}

impl fmt::Display for KindHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowerCase(kind) => write!(f, "kinds are upper case, write '{}'", letter(*kind)),
            Self::Swapped(id, kind) => {
                let kind = letter(*kind);
                write!(f, "kind and id are swapped, write '{kind}{id}' for '{id}{kind}'")
            }
            Self::SealedHandshake => {
                f.write_str("this proxy1 speaks the sealed link: start it with --classic, or proxy2 without")
            }
        }
    }
}

impl fmt::Display for IdHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => {
                write!(f, "it is the number {id}, write the digit '{id}' (0x{:02x})", id.digit())
            }
            Self::OutOfRange(number) => write!(f, "{number} is out of range, ids are '0' to '9'"),
            Self::AnswerFirst => f.write_str("the id comes before OK and NOK, as in 'C1OK'"),
            Self::Space => f.write_str("no space goes between kind and id"),
            Self::Letter => f.write_str(
                "a letter stands for the digit of the id in descriptions, write the digit, as in 'C1' and 'C1OK'",
            ),
        }
    }
}

impl fmt::Display for AnswerHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LowerCase => "OK and NOK are upper case",
            Self::NotBehindId => "OK and NOK come right behind the one digit of the id, as in 'C1OK'",
        })
    }
}

fn letter(kind: Kind) -> char {
    char::from(kind.byte())
}
