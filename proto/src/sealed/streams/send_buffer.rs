//! The bytes of a stream that are written and not yet acknowledged.

use crate::sealed::streams::pool::{PIECE, Piece, Pool};
use std::collections::VecDeque;
use std::ops::Range;

/// A piece that holds at most this many bytes is cut down to them: what thousands of quiet streams have on their way then
/// costs what it holds. Copying so little costs less than the system call that brought it.
const SMALL: usize = 2 * 1024;

/// Sizes of small pieces are multiples of this many bytes: single bytes share a piece.
const STEP: usize = 256;

/// Bytes from the lowest that is held to the last that was written, one piece behind the other.
#[derive(Default)]
pub(crate) struct SendBuffer {
    parts: VecDeque<SendPart>,
}

/// A piece, the offset of its first byte, and how much of it is written.
struct SendPart {
    start: u64,
    filled: usize,
    piece: Piece,
}

impl SendPart {
    fn end(&self) -> u64 {
        self.start + self.filled as u64
    }

    fn room(&self) -> usize {
        self.piece.len() - self.filled
    }
}

impl SendBuffer {
    /// Appends `bytes`, which begin at the offset `end`: the one behind the last written.
    pub(crate) fn write(&mut self, end: u64, bytes: &[u8], pool: &mut Pool) {
        let mut left = bytes;
        let _ = self.write_with(end, bytes.len().div_ceil(PIECE) + 1, pool, |places| {
            for place in places {
                let (now, later) = left.split_at(left.len().min(place.len()));
                place[..now.len()].copy_from_slice(now);
                left = later;
            }
            Ok::<_, std::convert::Infallible>(bytes.len())
        });
        debug_assert!(left.is_empty(), "there is a piece for every byte");
    }

    /// Lets `fill` write into at most `slices` slices of room behind the offset `end`, and appends as many bytes as it says.
    /// Room that is not filled is not held.
    pub(crate) fn write_with<E>(
        &mut self,
        end: u64,
        slices: usize,
        pool: &mut Pool,
        fill: impl FnOnce(&mut dyn Iterator<Item = &mut [u8]>) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let old = usize::from(self.parts.back().is_some_and(|last| last.room() > 0));
        for _ in old..slices {
            self.parts.push_back(SendPart { start: end, filled: 0, piece: pool.take(PIECE) });
        }
        let first = self.parts.len() - slices;
        let mut places = self.parts.range_mut(first..).map(|part| &mut part.piece[part.filled..]);
        let filled = fill(&mut places);
        self.settle(end, first, *filled.as_ref().unwrap_or(&0), pool);
        filled
    }

    /// `count` bytes were written into the room from the part `first` on.
    fn settle(&mut self, end: u64, first: usize, count: usize, pool: &mut Pool) {
        let (mut start, mut left) = (end, count);
        for part in self.parts.range_mut(first..) {
            let now = left.min(part.room());
            part.start = if part.filled == 0 { start } else { part.start };
            part.filled += now;
            start += now as u64;
            left -= now;
        }
        self.trim(pool);
    }

    /// Gives back empty parts at the end and cuts down the last one.
    fn trim(&mut self, pool: &mut Pool) {
        while self.parts.back().is_some_and(|last| last.filled == 0)
            && let Some(empty) = self.parts.pop_back()
        {
            pool.give(empty.piece);
        }
        if let Some(last) = self.parts.back_mut().filter(|last| last.filled <= SMALL && last.room() > SMALL) {
            let mut small = pool.take(last.filled.next_multiple_of(STEP));
            small[..last.filled].copy_from_slice(&last.piece[..last.filled]);
            pool.give(std::mem::replace(&mut last.piece, small));
        }
    }

    /// Drops what lies at or behind `end`.
    pub(crate) fn cut(&mut self, end: u64, pool: &mut Pool) {
        for part in self.parts.iter_mut().rev().take_while(|part| part.end() > end) {
            part.filled = usize::try_from(end.saturating_sub(part.start)).unwrap_or(0);
        }
        self.trim(pool);
    }

    /// Copies the bytes from `offset` on into `out`; all of them must be held.
    pub(crate) fn copy(&self, offset: u64, out: &mut [u8]) {
        let first = self.place(offset);
        let mut done = 0;
        for part in self.parts.range(first..) {
            if done == out.len() {
                break;
            }
            let from = usize::try_from((offset + done as u64) - part.start).unwrap_or(part.filled);
            let length = (part.filled - from).min(out.len() - done);
            out[done..done + length].copy_from_slice(&part.piece[from..from + length]);
            done += length;
        }
        debug_assert_eq!(done, out.len(), "only what was written is read");
    }

    /// The place of the part that holds `offset`.
    fn place(&self, offset: u64) -> usize {
        // Most parts are full: then it is just there, and it is nowhere in front of that.
        let guess = usize::try_from((offset - self.held().start) / PIECE as u64).unwrap_or(usize::MAX);
        match self.parts.get(guess) {
            Some(part) if part.start <= offset && offset < part.end() => guess,
            _ => self.parts.partition_point(|part| part.end() <= offset),
        }
    }

    /// Frees what lies below `offset`.
    pub(crate) fn release(&mut self, offset: u64, pool: &mut Pool) {
        while self.parts.front().is_some_and(|front| front.end() <= offset)
            && let Some(front) = self.parts.pop_front()
        {
            pool.give(front.piece);
        }
    }

    /// Frees everything.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        for part in std::mem::take(&mut self.parts) {
            pool.give(part.piece);
        }
    }

    /// Offsets of what is held.
    fn held(&self) -> Range<u64> {
        let start = self.parts.front().map_or(0, |part| part.start);
        start..self.parts.back().map_or(start, SendPart::end)
    }
}

// Payloads are for nobody's eyes: only their places are shown.
impl std::fmt::Debug for SendBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} in {} pieces", self.held(), self.parts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect()
    }

    #[test]
    fn bytes_come_back_across_pieces_and_memory_returns() {
        let (mut pool, mut buffer) = (Pool::keeping(0), SendBuffer::default());
        let bytes = pattern(5 * PIECE);
        let mut end = 0;
        for size in [1, 100, 3_000, PIECE, PIECE + 1, 7].iter().cycle() {
            let at = usize::try_from(end).unwrap();
            let size = (*size).min(bytes.len() - at);
            buffer.write(end, &bytes[at..at + size], &mut pool);
            end += size as u64;
            if size == 0 {
                break;
            }
        }
        let mut out = vec![0; bytes.len() - 50];
        buffer.copy(50, &mut out);
        assert_eq!(out, bytes[50..]);
        buffer.release(end - 1, &mut pool);
        assert!(pool.used() <= PIECE, "{} bytes for one", pool.used());
        buffer.release(end, &mut pool);
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn room_that_was_not_filled_is_not_held() {
        let (mut pool, mut buffer) = (Pool::keeping(0), SendBuffer::default());
        let nothing: Result<usize, ()> = buffer.write_with(0, 3, &mut pool, |places| {
            assert_eq!(places.map(|place| place.len()).sum::<usize>(), 3 * PIECE);
            Err(())
        });
        assert_eq!((nothing, pool.used()), (Err(()), 0));
        buffer.write(0, b"little", &mut pool);
        assert_eq!(pool.used(), STEP, "a few bytes cost little");
        buffer.write(6, b" more", &mut pool);
        assert_eq!(pool.used(), STEP, "and those behind them nothing");
    }

    #[test]
    fn what_is_cut_off_costs_nothing() {
        let (mut pool, mut buffer) = (Pool::keeping(0), SendBuffer::default());
        buffer.write(0, &pattern(100_000), &mut pool);
        buffer.cut(100, &mut pool);
        assert_eq!(pool.used(), STEP);
        let mut out = [0; 100];
        buffer.copy(0, &mut out);
        assert_eq!(out[..], pattern(100));
        buffer.cut(0, &mut pool);
        assert_eq!(pool.used(), 0);
    }
}
