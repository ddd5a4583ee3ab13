//! What the standard library does not do about memory: giving unused pages back to the system, and counting what a test's thread holds.
//! The home of `libc`, and of the project's only unsafe code.

mod counted;

pub use counted::{Counted, held_by_this_thread};

/// Gives back all free pages, where the C library keeps them: glibc keeps what is free below anything that still lives. Takes
/// milliseconds, in which others may wait for memory.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    // SAFETY: takes no pointer and touches only what is free; may be called by any thread (malloc_trim(3), "MT-Safe").
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Other systems' libraries give it back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub const fn give_back() {}
