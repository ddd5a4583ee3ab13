//! An allocator that counts, for tests that say what something may hold.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread what that has taken and given back. It is not in any program:
/// `#[global_allocator]` of a test makes it the allocator of that test.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted;

/// The bytes that this thread has allocated and not freed, as they were asked for, if [`Counted`] is the allocator; less than zero where it
/// frees what others allocated. What C libraries allocate is not among them.
pub fn held_by_this_thread() -> i64 {
    HELD.get()
}

fn add(bytes: i64) {
    // A thread that ends frees its last allocations when its counter is gone already.
    let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(bytes)));
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: each call goes to `System`, which keeps the contract, with what it was called with; the counter is beside it and allocates
// nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(size(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(size(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-size(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`, and `System` allocated what it frees.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        add(size(new) - size(layout.size()));
        // SAFETY: the caller keeps the contract of `realloc`, and `System` allocated what it moves.
        unsafe { System.realloc(pointer, layout, new) }
    }
}
