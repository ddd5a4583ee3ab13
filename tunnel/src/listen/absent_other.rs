//! Where an address must be there to be listened on.

use std::io;
use std::net::SocketAddr;

use socket2::Socket;

/// Whether the system can.
#[cfg(test)]
pub(super) const CAN: bool = false;

/// It cannot.
pub(super) fn allow(_socket: &Socket, _address: SocketAddr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
