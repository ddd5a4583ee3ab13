//! Bytes that came before the frame that opens their stream: kept for a while, as the packets that overtook it.

use crate::sealed::wire::frame::StreamId;
use std::collections::BTreeMap;

/// Bytes that are kept at the most, with what it costs to keep them: what a stream may send before it is known that its
/// opening was lost, in its first round trip.
const LIMIT: usize = 128 * 1024;

/// What keeping one piece costs beyond its bytes, in bytes.
pub(crate) const COST: usize = 96;

/// A piece of a stream that is not open yet.
#[derive(Debug)]
pub(crate) struct EarlyPiece {
    /// The offset of its first byte.
    pub(crate) offset: u64,
    /// Whether the direction ends behind it.
    pub(crate) fin: bool,
    /// Its bytes.
    pub(crate) bytes: Box<[u8]>,
}

/// All of a link. No stream exists because of them.
#[derive(Debug, Default)]
pub(crate) struct EarlyData {
    pieces: BTreeMap<(StreamId, u64), EarlyPiece>,
    cost: usize,
}

impl EarlyData {
    /// Keeps a piece; false if there is no room, and its packet must come again.
    pub(crate) fn keep(&mut self, id: StreamId, offset: u64, fin: bool, bytes: &[u8]) -> bool {
        let known = self.pieces.get(&(id, offset));
        if known.is_some_and(|known| known.bytes.len() >= bytes.len() && known.fin >= fin) {
            return true;
        }
        let cost = COST + bytes.len();
        if known.is_some() || self.cost + cost > LIMIT {
            return false;
        }
        self.cost += cost;
        self.pieces.insert((id, offset), EarlyPiece { offset, fin, bytes: bytes.into() });
        true
    }

    /// Takes out the pieces of a stream that has been opened.
    pub(crate) fn take(&mut self, id: StreamId) -> Vec<EarlyPiece> {
        if self.pieces.is_empty() {
            return Vec::new();
        }
        let keys: Vec<_> = self.pieces.range((id, 0)..=(id, u64::MAX)).map(|(key, _)| *key).collect();
        let taken: Vec<_> = keys.iter().filter_map(|key| self.pieces.remove(key)).collect();
        self.cost -= taken.iter().map(|piece| COST + piece.bytes.len()).sum::<usize>();
        taken
    }

    /// Bytes held, with what it costs to hold them.
    pub(crate) const fn cost(&self) -> usize {
        self.cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_kept_once_up_to_a_limit_and_come_out_by_stream() {
        let mut early = EarlyData::default();
        for _ in 0..3 {
            assert!(early.keep(StreamId(0), 10, false, b"abc") && early.keep(StreamId(2), 0, true, b""));
        }
        assert_eq!(early.cost(), 2 * COST + 3);
        assert!(
            !early.keep(StreamId(0), 10, true, b"abc"),
            "with the end it is another one: its packet comes again"
        );
        let taken = early.take(StreamId(0));
        assert_eq!(
            taken.iter().map(|piece| (piece.offset, &piece.bytes[..])).collect::<Vec<_>>(),
            [(10, &b"abc"[..])]
        );
        assert!(early.take(StreamId(4)).is_empty());
        early.take(StreamId(2));
        assert_eq!(early.cost(), 0);
    }

    #[test]
    fn single_bytes_of_thousands_of_streams_cost_no_more_than_the_limit() {
        let mut early = EarlyData::default();
        let kept = (0..100_000).filter(|at| early.keep(StreamId(at * 2), 0, false, b"x")).count();
        assert!(early.cost() <= LIMIT && kept > 1_000, "{kept} pieces cost {}", early.cost());
    }
}
