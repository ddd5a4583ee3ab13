//! The bytes of a stream that have arrived and not been read, in whatever order they came.

use crate::sealed::streams::pool::{PIECE, Piece, Pool};
use std::collections::VecDeque;
use std::ops::Range;

/// Sizes of pieces in bytes, and up to which receive window each is used. Pieces are aligned and do not overlap: whatever
/// arrives, only the first and the last reach beyond the window, so small windows have small ones.
pub(crate) const SIZES: [(usize, u64); 4] =
    [(512, 4 * 1_024), (1_024, 8 * 1_024), (4 * 1_024, 64 * 1_024), (PIECE, u64::MAX)];

/// The size of the pieces of a stream with this window, in bytes.
pub(crate) fn piece_size(window: u64) -> usize {
    SIZES.iter().find(|(_, most)| window <= *most).map_or(PIECE, |(size, _)| *size)
}

/// Bytes at any offsets; memory is held only where some were written. Each piece lies at a multiple of its size.
#[derive(Default)]
pub(crate) struct RecvBuffer {
    /// In the order of their offsets, with gaps.
    parts: VecDeque<RecvPart>,
    /// The largest piece that was taken since nothing was held.
    largest: usize,
}

struct RecvPart {
    start: u64,
    piece: Piece,
}

impl RecvPart {
    fn end(&self) -> u64 {
        self.start + self.piece.len() as u64
    }
}

impl RecvBuffer {
    /// Copies `bytes` to `offset`, which must not be below what was released. New pieces have the size for `window` bytes.
    pub(crate) fn write(&mut self, mut offset: u64, mut bytes: &[u8], window: u64, pool: &mut Pool) {
        while !bytes.is_empty() {
            let part = self.part_mut(offset, window, pool);
            let at = usize::try_from(offset - part.start).unwrap_or(0);
            let (now, later) = bytes.split_at(bytes.len().min(part.piece.len() - at));
            part.piece[at..at + now.len()].copy_from_slice(now);
            bytes = later;
            offset += now.len() as u64;
        }
    }

    /// The part that holds `offset`; a new one where there is none.
    fn part_mut(&mut self, offset: u64, window: u64, pool: &mut Pool) -> &mut RecvPart {
        let count = self.parts.len();
        // Nearly all bytes come in order, and go into the last piece or behind it.
        let at = match self.parts.back() {
            Some(last) if offset < last.start => self.parts.partition_point(|part| part.end() <= offset),
            Some(last) if offset < last.end() => count - 1,
            _ => count,
        };
        if self.parts.get(at).is_none_or(|part| offset < part.start) {
            let part = self.new_part(at, offset, piece_size(window), pool);
            self.parts.insert(at, part);
        }
        &mut self.parts[at]
    }

    /// The largest piece for `offset` of at most `size` bytes that fits between its neighbours.
    fn new_part(&mut self, at: usize, offset: u64, size: usize, pool: &mut Pool) -> RecvPart {
        let below = at.checked_sub(1).and_then(|at| self.parts.get(at)).map_or(0, RecvPart::end);
        let above = self.parts.get(at).map_or(u64::MAX, |part| part.start);
        let fits = |size: &usize| {
            let start = offset - offset % *size as u64;
            start >= below && start + *size as u64 <= above
        };
        let sizes = SIZES.iter().rev().map(|(size, _)| *size).filter(|one| *one <= size);
        let size = { sizes }.find(fits).unwrap_or(SIZES[0].0);
        self.largest = self.largest.max(size);
        RecvPart { start: offset - offset % size as u64, piece: pool.take(size) }
    }

    /// The bytes of `range` as slices; all of it must have been written.
    pub(crate) fn slices(&self, range: Range<u64>) -> impl Iterator<Item = &[u8]> {
        let mut offset = range.start;
        let first = self.parts.partition_point(|part| part.end() <= offset);
        let mut parts = self.parts.range(first..);
        std::iter::from_fn(move || {
            if offset >= range.end {
                return None;
            }
            let part = parts.next()?;
            let at = usize::try_from(offset.checked_sub(part.start)?).ok()?;
            let until = usize::try_from(range.end.min(part.end()) - part.start).ok()?;
            offset = part.start + until as u64;
            part.piece.get(at..until)
        })
    }

    /// Frees what lies below `offset`.
    pub(crate) fn release(&mut self, offset: u64, pool: &mut Pool) {
        while self.parts.front().is_some_and(|front| front.end() <= offset)
            && let Some(front) = self.parts.pop_front()
        {
            pool.give(front.piece);
        }
        if self.parts.is_empty() {
            self.largest = 0;
        }
    }

    /// Frees everything.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        for part in std::mem::take(&mut self.parts) {
            pool.give(part.piece);
        }
        self.largest = 0;
    }

    /// The largest piece that may be held, in bytes.
    pub(crate) const fn largest(&self) -> usize {
        self.largest
    }
}

// Payloads are for nobody's eyes: only their places are shown.
impl std::fmt::Debug for RecvBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, last) = (self.parts.front(), self.parts.back());
        let range = first.map_or(0, |part| part.start)..last.map_or(0, RecvPart::end);
        write!(f, "{} pieces in {range:?}", self.parts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(buffer: &RecvBuffer, range: Range<u64>) -> Vec<u8> {
        buffer.slices(range).flatten().copied().collect()
    }

    #[test]
    fn bytes_come_back_across_pieces_and_memory_returns() {
        let (mut pool, mut buffer) = (Pool::keeping(0), RecvBuffer::default());
        let bytes: Vec<u8> = (0..3 * PIECE).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let start = 5 * PIECE as u64 + 100;
        for (at, piece) in bytes.chunks(1_371).enumerate().rev() {
            buffer.write(start + (at * 1_371) as u64, piece, 1 << 20, &mut pool);
        }
        assert_eq!(read(&buffer, start..start + bytes.len() as u64), bytes);
        buffer.release(start + PIECE as u64, &mut pool);
        assert_eq!(pool.used(), 3 * PIECE);
        buffer.clear(&mut pool);
        assert_eq!(pool.used(), 0);
    }

    proptest! {
        /// Writes in any order, with any sizes of pieces, read as written; and hold little more than what lies apart.
        #[test]
        fn agrees_with_a_plain_vector(
            writes in prop::collection::vec((0u64..40_000, 1usize..3_000, 0usize..4), 1..40),
        ) {
            let (mut pool, mut buffer) = (Pool::keeping(0), RecvBuffer::default());
            let mut model = vec![None; 50_000];
            for (at, (offset, length, size)) in writes.iter().enumerate() {
                let byte = u8::try_from(at).unwrap();
                buffer.write(*offset, &vec![byte; *length], SIZES[*size].1, &mut pool);
                let from = usize::try_from(*offset).unwrap();
                model[from..from + length].fill(Some(byte));
            }
            for (offset, length, _) in &writes {
                let from = usize::try_from(*offset).unwrap();
                let wanted: Option<Vec<u8>> = model[from..from + length].iter().copied().collect();
                prop_assert_eq!(Some(read(&buffer, *offset..*offset + *length as u64)), wanted);
            }
            let ordered = buffer.parts.iter().zip(buffer.parts.iter().skip(1)).all(|(a, b)| a.end() <= b.start);
            prop_assert!(ordered, "pieces overlap: {:?}", buffer);
            buffer.release(60_000, &mut pool);
            prop_assert_eq!(pool.used(), 0);
        }
    }
}
