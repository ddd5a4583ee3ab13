//! Where the number of sockets has no limit that is known beforehand.

/// Nothing to raise.
pub const fn raise() {}

/// There is no limit.
pub(super) const fn most() -> Option<usize> {
    None
}

/// Whether an error of the system says that the process has no socket left (`WSAEMFILE`).
pub(super) const fn are_exhausted(error: i32) -> bool {
    error == 10_024
}
