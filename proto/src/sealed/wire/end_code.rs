//! Why a link ends: the codes of `E`, and the words behind them.

/// Specification: the most bytes of text that `E` carries.
pub const MAX_REASON: usize = 100;

/// Why a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndCode {
    /// The process ends, or does not want the link any more.
    Shutdown,
    /// The ticket has been revoked.
    Revoked,
    /// The client has no use for the link now and has all that it needs of it.
    Dormant,
    /// The receiver of `E` broke the rules of the protocol.
    Fault,
}

impl EndCode {
    const TABLE: [Self; 4] = [Self::Shutdown, Self::Revoked, Self::Dormant, Self::Fault];

    /// The number on the wire.
    pub const fn code(self) -> u64 {
        self as u64
    }

    /// The meaning of a number on the wire; numbers that this version does not know mean [`EndCode::Shutdown`].
    pub fn from_code(code: u64) -> Self {
        usize::try_from(code).ok().and_then(|at| Self::TABLE.get(at).copied()).unwrap_or(Self::Shutdown)
    }
}

impl std::fmt::Display for EndCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "the proxy ends",
            Self::Revoked => "the ticket has been revoked",
            Self::Dormant => "not used any more",
            Self::Fault => "the protocol was broken",
        })
    }
}

/// How the peer ended a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The code.
    pub code: EndCode,
    /// What the peer said about it; may be empty. It may hold any characters: its [`Display`](std::fmt::Display) is fit for a log.
    pub reason: String,
}

impl Ended {
    /// What an `E` says. Bytes that are no UTF-8 are replaced: the link is over in any case, and the code still counts.
    pub(crate) fn from_wire(code: u64, reason: &[u8]) -> Self {
        Self { code: EndCode::from_code(code), reason: String::from_utf8_lossy(reason).into_owned() }
    }
}

impl From<EndCode> for Ended {
    fn from(code: EndCode) -> Self {
        Self { code, reason: String::new() }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.code.fmt(f)?;
        if self.reason.is_empty() {
            return Ok(());
        }
        // The peer is authentic, but what it says is still its text: no newline and no terminal sequence gets through.
        write!(f, ": {}", self.reason.escape_debug())
    }
}

/// As much of `text` as `E` can carry.
pub(crate) fn reason(text: &str) -> &str {
    let longest = (0..=MAX_REASON.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..longest.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::wire::frame::{Frame, Frames, Malformed, kind};
    use crate::sealed::wire::varint::Writer;

    fn written(reason: &[u8]) -> Vec<u8> {
        let mut room = [0; 200];
        let mut writer = Writer::new(&mut room);
        crate::sealed::wire::frame::put(&mut writer, &Frame::End { code: 3, reason });
        let length = writer.len();
        room[..length].to_vec()
    }

    #[test]
    fn a_frame_carries_a_reason_up_to_its_limit() {
        assert_eq!(written(b"no"), b"E\x03\x02no");
        for length in [0, 1, 99, MAX_REASON] {
            let reason = vec![0xff; length];
            let bytes = written(&reason);
            let frames: Vec<_> = Frames::new(&bytes).collect();
            assert_eq!(frames, [Ok(Frame::End { code: 3, reason: &reason })]);
            let cut = Frames::new(&bytes[..bytes.len() - 1]).next();
            assert_eq!(cut, Some(Err(Malformed::Short(kind::END))), "{length}");
        }
        let long = written(&[b'x'; MAX_REASON + 1]);
        assert_eq!(Frames::new(&long).next(), Some(Err(Malformed::Range(kind::END))));
    }

    #[test]
    fn a_reason_cannot_write_a_line_of_its_own_into_a_log() {
        let ended = Ended::from_wire(3, b"a\nb\x1b[2J\xff\0\r\xe2\x80\xaec");
        assert_eq!(ended.code, EndCode::Fault);
        let line = ended.to_string();
        assert!(line.starts_with("the protocol was broken: a\\nb"), "{line}");
        assert!(!line.contains(char::is_control) && !line.contains('\u{202e}'), "{line}");
        assert_eq!(Ended::from(EndCode::Revoked).to_string(), "the ticket has been revoked");
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut_between_characters() {
        assert_eq!(reason("short"), "short");
        assert_eq!(reason(&"x".repeat(101)).len(), 100);
        assert_eq!(reason(&"€".repeat(40)).len(), 99);
    }

    #[test]
    fn every_code_reads_what_it_wrote_and_others_mean_the_first() {
        for (number, code) in (0..).zip(EndCode::TABLE) {
            assert_eq!((code.code(), EndCode::from_code(number)), (number, code));
        }
        assert_eq!(EndCode::from_code(4), EndCode::Shutdown);
        assert_eq!(EndCode::from_code(u64::MAX), EndCode::Shutdown);
    }
}
