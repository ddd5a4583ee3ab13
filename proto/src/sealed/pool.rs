//! Memory for stream bytes, in pieces: large ones are kept for reuse, small ones have the size of what is in them.

/// Size of a full piece in bytes: large enough that one packet in eleven straddles two of them.
pub(crate) const PIECE: usize = 16 * 1024;

/// A piece of memory.
pub(crate) type Piece = Box<[u8]>;

/// Gives pieces out and takes them back; the last full one back is the first one out, while it is still in the cache.
#[derive(Default)]
pub(crate) struct Pool {
    free: Vec<Piece>,
    used: usize,
}

impl Pool {
    /// Full pieces kept for reuse: 1 MiB. More than a busy link cycles through at once would only hold memory.
    const KEEP: usize = 64;

    /// Bytes in pieces that are out.
    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    /// A piece of `size` bytes, at most [`PIECE`].
    pub(crate) fn take(&mut self, size: usize) -> Piece {
        self.used += size;
        let reused = if size == PIECE { self.free.pop() } else { None };
        reused.unwrap_or_else(|| vec![0; size].into_boxed_slice())
    }

    /// A piece comes back.
    pub(crate) fn give(&mut self, piece: Piece) {
        self.used -= piece.len();
        if piece.len() == PIECE && self.free.len() < Self::KEEP {
            self.free.push(piece);
        }
    }

    /// Gives the memory of unused pieces back to the system, if nobody uses one now.
    pub(crate) fn trim(&mut self) {
        if self.used == 0 {
            self.free = Vec::new();
        }
    }
}

// Payloads are for nobody's eyes: only their sizes are shown.
impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes used, {} pieces free", self.used, self.free.len())
    }
}
