//! Pieces that no pool keeps, for the next pool of the same thread that wants one. Of a thousand links each has its turn, and what the one before has given
//! back is still in the processor's cache; what the system's allocator finds is not, and each time it is set to zero.

use super::{PIECE, Piece};
use crate::sealed::streams::recv_buffer;
use std::cell::RefCell;

/// The sizes that bulk uses: that of streams whose window is small, and that of all others.
const SIZES: [usize; 2] = [recv_buffer::SIZES[2].0, PIECE];

/// Bytes of each size that a thread keeps at the most, 256 KiB in all: what a link writes to TCP in one turn. They are part of nobody's budget.
const MOST: usize = 128 * 1024;

thread_local! {
    static KEPT: RefCell<[Vec<Piece>; SIZES.len()]> = const { RefCell::new([const { Vec::new() }; SIZES.len()]) };
}

/// One of `size` bytes, if there is one. In it is what another link, of another ticket perhaps, had in it: who takes it must read nothing but what
/// was written to it since.
pub(super) fn take(size: usize) -> Option<Piece> {
    let place = place_of(size)?;
    KEPT.try_with(|kept| kept.borrow_mut()[place].pop()).ok().flatten()
}

/// Keeps `piece` for the next, or lets it go.
pub(super) fn give(piece: Piece) {
    let Some(place) = place_of(piece.len()) else { return };
    // A thread that ends keeps nothing.
    let _ = KEPT.try_with(|kept| {
        let kept = &mut kept.borrow_mut()[place];
        if (kept.len() + 1) * piece.len() <= MOST {
            kept.push(piece);
        }
    });
}

fn place_of(size: usize) -> Option<usize> {
    SIZES.iter().position(|one| *one == size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(size: usize, mark: u8) -> Piece {
        vec![mark; size].into()
    }

    #[test]
    fn the_last_one_given_is_the_first_one_taken_and_a_turns_worth_is_kept() {
        for size in SIZES {
            // Other tests of this thread have given some, too.
            while take(size).is_some() {}
            let count = MOST / size;
            (0..count + 3).for_each(|at| give(piece(size, u8::try_from(at).unwrap())));
            let marks: Vec<_> =
                std::iter::from_fn(|| take(size)).map(|piece| usize::from(piece[0])).collect();
            assert!(marks.into_iter().eq((0..count).rev()), "{size}");
        }
    }

    #[test]
    fn other_sizes_are_not_kept() {
        give(piece(512, 1));
        assert_eq!(take(512), None);
    }
}
