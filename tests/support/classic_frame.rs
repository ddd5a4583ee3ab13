//! What must hold for any datagram, whoever made it.

use proto::classic::frame::{Frame, Kind, ParseError};

/// Reads a datagram and, if it is a frame, writes it again.
///
/// # Panics
/// If what is written is not what was read, or a refusal has not its reason.
pub fn check(datagram: &[u8]) {
    match Frame::parse(datagram) {
        Ok(frame) => {
            assert_eq!(frame.to_vec(), datagram);
            assert!(frame.answer().is_none() || frame.kind == Kind::Open);
        }
        Err(ParseError::Empty) => assert!(datagram.is_empty()),
        Err(ParseError::Kind(byte)) => assert!(datagram.starts_with(&[byte]) && !b"CDX".contains(&byte)),
        Err(ParseError::NoId) => assert_eq!(datagram.len(), 1),
        Err(ParseError::Id(byte)) => assert!(datagram.get(1) == Some(&byte) && !byte.is_ascii_digit()),
    }
}
