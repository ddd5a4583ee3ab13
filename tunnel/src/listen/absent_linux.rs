//! `IP_FREEBIND`, see ip(7).

use std::io;
use std::net::SocketAddr;

use socket2::Socket;

/// Whether the system can.
#[cfg(test)]
pub(super) const CAN: bool = true;

/// Lets `socket` be bound to an address that is not there.
pub(super) fn allow(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv4() { socket.set_freebind_v4(true) } else { socket.set_freebind_v6(true) }
}
