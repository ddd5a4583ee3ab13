//! What the kernel takes in for a connection whose other end does not read: here nothing bounds it but its own limits.

use tokio::net::TcpStream;

/// Nothing.
#[derive(Debug)]
pub(crate) struct Unsent;

impl Unsent {
    /// Nothing.
    pub(super) const fn new(_tcp: &TcpStream) -> Self {
        Self
    }

    /// Does nothing.
    pub(super) const fn wrote(&mut self, _tcp: &TcpStream, _count: usize) {}
}
