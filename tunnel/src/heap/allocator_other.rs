//! The system's allocator, where it is not glibc's.

use std::alloc::System;

/// What the programs allocate with.
pub type Allocator = System;

/// The allocator, for `#[global_allocator]`.
pub const ALLOCATOR: Allocator = System;

/// It gives back by itself.
pub(super) const fn give_back() {}
