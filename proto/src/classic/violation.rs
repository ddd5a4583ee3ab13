//! What a datagram did that the protocol does not allow, said so that the author of the other program finds the mistake.

mod hint;
mod rule;
#[cfg(test)]
mod tests;

use std::fmt;

use super::StreamId;
use super::frame::{Frame, Kind, ParseError};
pub use hint::{AnswerHint, IdHint, KindHint};
pub use rule::Rule;

/// How one datagram broke the protocol. [`Violation::rule`] says which rule; `Display` says what is wrong and, if the
/// bytes tell it, the likely mistake.
///
/// Datagrams that are late are none: for [`Settings::id_rest`](super::Settings::id_rest) after the end of a stream whatever
/// still comes for it is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// No byte at all.
    Empty,
    /// The first byte, given, is not a kind.
    Kind(u8, Option<KindHint>),
    /// There is a kind and nothing else.
    NoId(Kind),
    /// The second byte, given, is not a digit.
    Id(u8, Option<IdHint>),
    /// At an exit: the `C` had this digit behind its id, and so has the first `D`. It is the only one that is not dropped: the
    /// digit goes to the target.
    TwoDigits(StreamId, u8),
    /// At an entry: a `C` that is neither `OK` nor `NOK`.
    RequestAtEntry(StreamId, Option<AnswerHint>),
    /// At an exit: a `C` with `OK` or `NOK`.
    AnswerAtExit(StreamId),
    /// At an entry: it did not come from the exit. The shell finds that out.
    Stranger,
    /// Data for an id that is not open.
    DataNotOpen(StreamId),
    /// An `X` for an id that is not open.
    CloseNotOpen(StreamId),
    /// At an entry: an answer that was not asked for.
    AnswerNotAsked(StreamId),
    /// Data before the answer that there is no room for: its bytes, all lost.
    EarlyFull(StreamId, usize),
    /// An `X` before the answer: the bytes that came before it, and are lost with the stream.
    EarlyLost(StreamId, usize),
    /// At an exit: a `C` of one address more than may have streams.
    TooManyPeers,
}

impl Violation {
    /// What is wrong with a datagram that is not a frame.
    pub(super) fn malformed(datagram: &[u8], error: ParseError) -> Self {
        match error {
            ParseError::Empty => Self::Empty,
            ParseError::Kind(byte) => Self::Kind(byte, KindHint::of(datagram)),
            ParseError::NoId => Self::NoId(kind_of(datagram)),
            ParseError::Id(byte) => Self::Id(byte, IdHint::of(byte)),
        }
    }

    /// What is wrong with a `C` that an entry does not expect.
    pub(super) fn request_at_entry(frame: &Frame<'_>) -> Self {
        Self::RequestAtEntry(frame.id, AnswerHint::of(frame.payload))
    }

    /// The rule that is broken.
    pub const fn rule(self) -> Rule {
        match self {
            Self::Empty | Self::Kind(..) => Rule::Kind,
            Self::NoId(_) | Self::Id(..) | Self::TwoDigits(..) => Rule::Id,
            Self::RequestAtEntry(..) | Self::AnswerAtExit(_) => Rule::Roles,
            Self::Stranger => Rule::OnePeer,
            Self::DataNotOpen(_) | Self::CloseNotOpen(_) | Self::AnswerNotAsked(_) => Rule::OpenFirst,
            Self::EarlyFull(..) => Rule::EarlyData,
            Self::EarlyLost(..) => Rule::HalfClose,
            Self::TooManyPeers => Rule::Peers,
        }
    }
}

fn kind_of(datagram: &[u8]) -> Kind {
    let kind = datagram.first().and_then(|&byte| Kind::from_byte(byte));
    kind.expect("a datagram without id has a kind, or its kind were the error")
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Kind(byte, hint) => {
                write!(f, "its first byte is {}, not a kind", Byte(*byte))?;
                hinted(f, hint.as_ref())
            }
            Self::NoId(kind) => write!(f, "it ends after the kind {}: there is no id", Byte(kind.byte())),
            Self::Id(byte, hint) => {
                write!(f, "its second byte is {}, not an id", Byte(*byte))?;
                hinted(f, hint.as_ref())
            }
            Self::TwoDigits(id, digit) => {
                let digit = char::from(*digit);
                write!(
                    f,
                    "C{id}{digit}, then D{id}{digit}: the second digit of the id goes to the target as data"
                )
            }
            Self::RequestAtEntry(id, hint) => {
                write!(f, "a request (C{id} without OK or NOK) came to a proxy1")?;
                hinted(f, hint.as_ref())
            }
            Self::AnswerAtExit(id) => write!(f, "an answer (C{id} with OK or NOK) came to a proxy2"),
            Self::Stranger => f.write_str(
                "it does not come from proxy2's address: answer from the socket that the request came to",
            ),
            Self::DataNotOpen(id) => {
                write!(f, "D{id} for an id that is not open: no C{id} before it, or the stream is over")
            }
            Self::CloseNotOpen(id) => {
                write!(f, "X{id} for an id that is not open: no C{id} before it, or the stream is over")
            }
            Self::AnswerNotAsked(id) => write!(f, "an answer for id {id}, which nobody asked to open"),
            Self::EarlyFull(_, bytes) => {
                write!(f, "no room for data before the answer to C: {bytes} bytes are lost")
            }
            Self::EarlyLost(id, bytes) => {
                write!(f, "X{id} before the answer to C{id}: {bytes} bytes that came before it are lost")
            }
            Self::TooManyPeers => f.write_str("too many addresses have streams: it is refused"),
        }
    }
}

fn hinted(f: &mut fmt::Formatter<'_>, hint: Option<&impl fmt::Display>) -> fmt::Result {
    hint.map_or(Ok(()), |hint| write!(f, ": {hint}"))
}

/// A byte as hex, and as the character that it is if it is one.
struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02x}", self.0)?;
        if self.0.is_ascii_graphic() { write!(f, " '{}'", char::from(self.0)) } else { Ok(()) }
    }
}
