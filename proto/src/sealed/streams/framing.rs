//! Datagrams in the bytes of a stream: the length of each as a number, then its bytes.

#[cfg(any(test, feature = "fuzzing"))]
use crate::sealed::streams::datagram_queue::cost_of;
use crate::sealed::wire::varint::{self, Writer};

/// Specification: the most bytes of a datagram: what UDP carries over IPv6 (RFC 768, RFC 8200).
pub const MAX_DATAGRAM: usize = 65_535 - 8;

/// The most bytes of a number.
const NUMBER: usize = 8;

/// A length above [`MAX_DATAGRAM`]: the peer does not frame datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// What a datagram was that has come to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// All of it.
    Whole(Vec<u8>),
    /// There was no memory for it when it began.
    Dropped,
}

/// Where the reader of one direction of a flow is.
#[derive(Default)]
pub(crate) struct Framing {
    head: [u8; NUMBER],
    head_length: usize,
    body: Option<Body>,
}

/// A datagram whose length is known.
struct Body {
    missing: usize,
    /// What came of it; `None` if it is to be dropped.
    kept: Option<Vec<u8>>,
}

/// What stands before a datagram of `length` bytes.
pub(crate) fn head(length: usize, room: &mut [u8; NUMBER]) -> &[u8] {
    let mut writer = Writer::new(room);
    writer.varint(length as u64);
    let size = writer.len();
    &room[..size]
}

impl Framing {
    /// Takes bytes off the front of `input`, up to the end of one datagram. `keep` says whether there is memory for one of so many
    /// bytes, all of which is set aside then.
    pub(crate) fn take(
        &mut self,
        input: &mut &[u8],
        keep: impl FnOnce(usize) -> bool,
    ) -> Result<Option<Framed>, TooLong> {
        if self.body.is_none() {
            let Some(length) = self.take_length(input) else { return Ok(None) };
            let length =
                usize::try_from(length).ok().filter(|length| *length <= MAX_DATAGRAM).ok_or(TooLong)?;
            let kept = keep(length).then(|| Vec::with_capacity(length));
            self.body = Some(Body { missing: length, kept });
        }
        let Some(body) = &mut self.body else { return Ok(None) };
        let (piece, rest) = input.split_at(body.missing.min(input.len()));
        *input = rest;
        body.missing -= piece.len();
        body.kept.iter_mut().for_each(|kept| kept.extend_from_slice(piece));
        if body.missing > 0 {
            return Ok(None);
        }
        Ok(self.body.take().map(|body| body.kept.map_or(Framed::Dropped, Framed::Whole)))
    }

    fn take_length(&mut self, input: &mut &[u8]) -> Option<u64> {
        while let Some((byte, rest)) = input.split_first() {
            // A number is complete before there are more bytes than it can have.
            *self.head.get_mut(self.head_length)? = *byte;
            self.head_length += 1;
            *input = rest;
            if let Some(length) = varint::take(&mut &self.head[..self.head_length]) {
                self.head_length = 0;
                return Some(length);
            }
        }
        None
    }

    /// Forgets a datagram that has not come to its end; the bytes for which memory was set aside, if there was one. `None` too if
    /// there is none.
    pub(crate) fn clear(&mut self) -> Option<usize> {
        let Body { missing, kept } = std::mem::take(self).body?;
        kept.map(|kept| kept.len() + missing)
    }

    /// What is set aside for a datagram that has begun, in bytes.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn cost(&self) -> u64 {
        let body =
            self.body.iter().filter_map(|body| body.kept.as_ref().map(|kept| kept.len() + body.missing));
        body.map(cost_of).sum()
    }

    /// Whether a datagram has begun and not come to its end.
    pub(crate) const fn is_inside(&self) -> bool {
        self.body.is_some() || self.head_length > 0
    }
}

// Payloads are for nobody's eyes.
impl std::fmt::Debug for Framing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} bytes missing", self.body.as_ref().map(|body| body.missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All datagrams in `bytes`, which come in pieces of `piece` bytes; those above `most` bytes find no memory.
    fn read(bytes: &[u8], piece: usize, most: usize) -> Result<Vec<Framed>, TooLong> {
        let (mut framing, mut found) = (Framing::default(), Vec::new());
        for mut piece in bytes.chunks(piece) {
            while !piece.is_empty() {
                found.extend(framing.take(&mut piece, |length| length <= most)?);
            }
        }
        assert!(!framing.is_inside(), "{framing:?}");
        Ok(found)
    }

    fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for datagram in datagrams {
            bytes.extend_from_slice(head(datagram.len(), &mut [0; NUMBER]));
            bytes.extend_from_slice(datagram);
        }
        bytes
    }

    proptest! {
        #[test]
        fn datagrams_come_out_as_they_went_in_whatever_the_pieces(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..9),
            piece in 1usize..200,
        ) {
            let found = read(&framed(&datagrams), piece, MAX_DATAGRAM).unwrap();
            prop_assert_eq!(found, datagrams.into_iter().map(Framed::Whole).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1usize..40) {
            let mut framing = Framing::default();
            for mut piece in bytes.chunks(piece) {
                while !piece.is_empty() {
                    if framing.take(&mut piece, |length| length < 100).is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_is_taken_and_one_more_byte_is_no_datagram() {
        for (length, taken) in [(MAX_DATAGRAM, true), (MAX_DATAGRAM + 1, false)] {
            assert_eq!(read(&framed(&[vec![7; length]]), 1_000, MAX_DATAGRAM).is_ok(), taken);
        }
    }

    #[test]
    fn what_finds_no_memory_is_skipped_and_the_next_is_taken() {
        let bytes = framed(&[vec![1; 500], vec![2; 3]]);
        assert_eq!(read(&bytes, 7, 100), Ok(vec![Framed::Dropped, Framed::Whole(vec![2; 3])]));
    }

    #[test]
    fn what_is_given_up_says_what_was_set_aside_for_it() {
        let mut framing = Framing::default();
        let bytes = framed(&[vec![1; 500]]);
        assert_eq!(framing.take(&mut &bytes[..1], |_| true), Ok(None));
        assert_eq!((framing.is_inside(), framing.clear()), (true, None), "half a length");
        assert_eq!(framing.take(&mut &bytes[..100], |_| true), Ok(None));
        assert_eq!(framing.clear(), Some(500));
        assert_eq!(framing.take(&mut &bytes[..100], |_| false), Ok(None));
        assert_eq!((framing.clear(), framing.is_inside()), (None, false));
    }
}
