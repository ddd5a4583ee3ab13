//! Memory for stream bytes, in pieces: large ones are kept for reuse, small ones have the size of what is in them.

mod passed_on;

/// Size of a full piece in bytes: large enough that one packet in eleven straddles two of them.
pub const PIECE: usize = 16 * 1024;

/// A piece of memory.
pub(crate) type Piece = Box<[u8]>;

/// Gives pieces out and takes them back; the last full one back is the first one out, while it is still in the cache.
pub(crate) struct Pool {
    free: Vec<Piece>,
    used: usize,
    /// Full pieces kept for reuse at the most.
    most: usize,
    /// The most that the pieces that are out and those that are kept are together, in bytes; what is out may be more.
    within: usize,
}

impl Pool {
    /// An empty pool that keeps at most `bytes` for reuse.
    pub(crate) const fn keeping(bytes: usize) -> Self {
        Self { free: Vec::new(), used: 0, most: bytes / PIECE, within: usize::MAX }
    }

    /// Bytes in pieces that are out.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// Bytes in pieces that are kept for reuse.
    pub(crate) const fn spare(&self) -> usize {
        self.free.len() * PIECE
    }

    /// A piece of `size` bytes, at most [`PIECE`].
    pub(crate) fn take(&mut self, size: usize) -> Piece {
        self.used += size;
        let reused = if size == PIECE { self.free.pop() } else { None };
        self.bound();
        reused.or_else(|| passed_on::take(size)).unwrap_or_else(|| vec![0; size].into_boxed_slice())
    }

    /// A piece comes back.
    pub(crate) fn give(&mut self, piece: Piece) {
        self.used -= piece.len();
        if piece.len() == PIECE && self.free.len() < self.most {
            self.free.push(piece);
            self.bound();
        } else {
            passed_on::give(piece);
        }
    }

    /// From now on keeps pieces for reuse only as long as they and those that are out are at most `bytes`.
    pub(crate) fn keep_within(&mut self, bytes: usize) {
        self.within = bytes;
        self.bound();
    }

    fn bound(&mut self) {
        while self.used + self.spare() > self.within && self.free.pop().is_some() {}
    }

    /// Gives unused pieces back: to the next pool of the thread, and to the system.
    pub(crate) fn trim(&mut self) {
        std::mem::take(&mut self.free).into_iter().for_each(passed_on::give);
    }
}

// Payloads are for nobody's eyes: only their sizes are shown.
impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes used, {} pieces free", self.used, self.free.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_kept_as_may_be_and_nothing_once_nobody_uses_any() {
        let mut pool = Pool::keeping(2 * PIECE + 1);
        let pieces: Vec<_> = (0..4).map(|_| pool.take(PIECE)).collect();
        assert_eq!((pool.used(), pool.spare()), (4 * PIECE, 0));
        let mut pieces = pieces.into_iter();
        pieces.by_ref().take(3).for_each(|piece| pool.give(piece));
        assert_eq!((pool.used(), pool.spare()), (PIECE, 2 * PIECE));
        pool.keep_within(2 * PIECE);
        assert_eq!(pool.spare(), PIECE);
        pool.take(1);
        assert_eq!(pool.spare(), 0, "there is no room for both");
        pool.give(Box::new([0]));
        pieces.for_each(|piece| pool.give(piece));
        pool.trim();
        assert_eq!((pool.used(), pool.spare()), (0, 0));
    }

    #[test]
    fn small_pieces_are_not_kept() {
        let mut pool = Pool::keeping(PIECE);
        let small = pool.take(512);
        pool.give(small);
        assert_eq!((pool.used(), pool.spare()), (0, 0));
    }
}
