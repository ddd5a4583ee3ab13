//! What the kernel takes in for a connection whose other end does not read: here nothing bounds it but its own limits.

use socket2::SockRef;

/// Nothing.
#[derive(Debug)]
pub(super) struct Unsent;

impl Unsent {
    /// Nothing.
    pub(super) const fn new(_socket: SockRef<'_>) -> Self {
        Self
    }

    /// Does nothing.
    pub(super) const fn wrote(&mut self, _socket: SockRef<'_>, _count: usize) {}
}
