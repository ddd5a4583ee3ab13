//! Stream bytes in chunks: what is sent and not yet acknowledged, what is received and not yet read.

use std::collections::VecDeque;
use std::ops::Range;

/// Size of one chunk in bytes. Small enough that 4,096 streams with a few bytes each stay at 64 MiB, large enough
/// that one packet in eleven straddles two of them.
pub(crate) const CHUNK: usize = 16 * 1024;

/// [`CHUNK`] as a stream offset.
const STRIDE: u64 = CHUNK as u64;

type Chunk = Box<[u8; CHUNK]>;

/// Gives chunks out and takes them back; the last one back is the first one out, while it is still in the cache.
#[derive(Default)]
pub(crate) struct Pool {
    free: Vec<Chunk>,
    used: usize,
}

impl Pool {
    /// Chunks kept for reuse: 1 MiB. More than a busy link cycles through at once would only hold memory.
    const KEEP: usize = 64;

    /// Bytes in chunks that are out.
    pub(crate) const fn used(&self) -> usize {
        self.used * CHUNK
    }

    fn take(&mut self) -> Chunk {
        self.used += 1;
        self.free.pop().unwrap_or_else(|| Box::new([0; CHUNK]))
    }

    fn give(&mut self, chunk: Chunk) {
        self.used -= 1;
        if self.free.len() < Self::KEEP {
            self.free.push(chunk);
        }
    }

    /// Gives the memory of unused chunks back to the system.
    pub(crate) fn trim(&mut self) {
        self.free = Vec::new();
    }
}

/// Bytes of one direction of a stream, addressed by stream offset; memory is held only where bytes were written.
#[derive(Default)]
pub(crate) struct Buffer {
    chunks: VecDeque<Option<Chunk>>,
    /// Number of the front chunk: its first byte has the offset `first * CHUNK`.
    first: u64,
}

impl Buffer {
    /// Copies `bytes` to `offset`, which must not be below what was released.
    pub(crate) fn write(&mut self, mut offset: u64, mut bytes: &[u8], pool: &mut Pool) {
        while !bytes.is_empty() {
            let at = place(offset);
            let length = bytes.len().min(CHUNK - at);
            let (now, later) = bytes.split_at(length);
            self.chunk_mut(offset / STRIDE, pool)[at..at + length].copy_from_slice(now);
            bytes = later;
            offset += length as u64;
        }
    }

    fn chunk_mut(&mut self, number: u64, pool: &mut Pool) -> &mut Chunk {
        if self.chunks.is_empty() {
            self.first = number;
        }
        while number < self.first {
            self.chunks.push_front(None); // what was lost on the way comes after what followed it
            self.first -= 1;
        }
        let at = index(number - self.first);
        while self.chunks.len() <= at {
            self.chunks.push_back(None);
        }
        self.chunks[at].get_or_insert_with(|| pool.take())
    }

    /// Room for writing from `offset` on, as at most `slices` slices, the first of which may be short.
    pub(crate) fn room(
        &mut self,
        offset: u64,
        slices: usize,
        pool: &mut Pool,
    ) -> impl Iterator<Item = &mut [u8]> {
        let number = offset / STRIDE;
        for ahead in 0..slices as u64 {
            self.chunk_mut(number + ahead, pool);
        }
        let mut at = place(offset);
        let chunks = self.chunks.range_mut(index(number - self.first)..).take(slices).flatten();
        chunks.map(move |chunk| &mut chunk[std::mem::take(&mut at)..])
    }

    /// Gives back the chunks that lie wholly at or behind `offset`: room that was asked for and not filled.
    pub(crate) fn trim(&mut self, offset: u64, pool: &mut Pool) {
        while let Some(last) = self.chunks.back() {
            let number = self.first + self.chunks.len() as u64 - 1;
            if number * STRIDE < offset {
                return;
            }
            if last.is_some() {
                pool.give(self.chunks.pop_back().flatten().expect("just seen"));
            } else {
                self.chunks.pop_back();
            }
        }
    }

    /// The bytes of `range` as slices; all of it must have been written.
    pub(crate) fn slices(&self, range: Range<u64>) -> impl Iterator<Item = &[u8]> {
        let mut offset = range.start;
        std::iter::from_fn(move || {
            if offset >= range.end {
                return None;
            }
            let at = place(offset);
            let length = (CHUNK - at).min(index(range.end - offset));
            let chunk = self.chunks.get(index(offset / STRIDE - self.first))?.as_ref()?;
            offset += length as u64;
            Some(&chunk[at..at + length])
        })
    }

    /// Copies the bytes from `offset` on into `out`.
    pub(crate) fn copy(&self, offset: u64, out: &mut [u8]) {
        let mut done = 0;
        for slice in self.slices(offset..offset + out.len() as u64) {
            out[done..done + slice.len()].copy_from_slice(slice);
            done += slice.len();
        }
        debug_assert_eq!(done, out.len(), "only what was written is read");
    }

    /// Frees what lies below `offset`.
    pub(crate) fn release(&mut self, offset: u64, pool: &mut Pool) {
        while self.first < offset / STRIDE {
            let Some(front) = self.chunks.pop_front() else { return };
            self.first += 1;
            if let Some(chunk) = front {
                pool.give(chunk);
            }
        }
    }

    /// Frees everything.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        for chunk in std::mem::take(&mut self.chunks).into_iter().flatten() {
            pool.give(chunk);
        }
    }
}

// Payloads are for nobody's eyes: only their places are shown.

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} chunks used, {} free", self.used, self.free.len())
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let held = self.chunks.iter().filter(|chunk| chunk.is_some()).count();
        write!(f, "{held} of {} chunks from {}", self.chunks.len(), self.first)
    }
}

fn place(offset: u64) -> usize {
    index(offset % STRIDE)
}

fn index(value: u64) -> usize {
    usize::try_from(value).expect("within one buffer, which fits in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_across_chunks_and_memory_returns() {
        let mut pool = Pool::default();
        let mut buffer = Buffer::default();
        let bytes: Vec<u8> = (0..3 * CHUNK).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let start = 5 * STRIDE + 100;
        for (at, piece) in bytes.chunks(1_371).enumerate().rev() {
            buffer.write(start + (at * 1_371) as u64, piece, &mut pool);
        }
        let mut out = vec![0; bytes.len()];
        buffer.copy(start, &mut out);
        assert_eq!(out, bytes);
        buffer.release(start + STRIDE, &mut pool);
        assert_eq!(pool.used(), 3 * CHUNK);
        buffer.clear(&mut pool);
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn room_that_was_not_filled_is_given_back() {
        let mut pool = Pool::default();
        let mut buffer = Buffer::default();
        let sizes: Vec<usize> = buffer.room(100, 3, &mut pool).map(|slice| slice.len()).collect();
        assert_eq!(sizes, [CHUNK - 100, CHUNK, CHUNK]);
        buffer.trim(100, &mut pool);
        assert_eq!(pool.used(), CHUNK, "the chunk that holds offset 99 stays");
        buffer.clear(&mut pool);
        buffer.room(2 * STRIDE, 2, &mut pool).for_each(drop);
        buffer.trim(2 * STRIDE, &mut pool);
        assert_eq!(pool.used(), 0, "an empty stream holds nothing");
    }
}
