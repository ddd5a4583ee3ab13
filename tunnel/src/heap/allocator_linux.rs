//! mimalloc, which keeps free memory for a second and gives it back when one of its threads allocates or ends afterwards.

use std::hint::black_box;
use std::thread;

use mimalloc::MiMalloc;

/// What the programs allocate with.
pub type Allocator = MiMalloc;

/// The allocator, for `#[global_allocator]`.
pub const ALLOCATOR: Allocator = MiMalloc;

/// Has it give back what has been free for a second, of all threads: a program that has nothing to do allocates nothing, so a
/// thread ends.
pub(super) fn give_back() {
    // If there can be no thread now, the next time does it.
    let _ = thread::Builder::new().name("give back".into()).spawn(|| drop(black_box(Box::new(0_u8))));
}
