//! What the kernel takes in for a connection whose other end does not read.

use socket2::SockRef;
use tokio::net::TcpStream;

/// Bytes that may wait in the kernel before they are sent. Left alone, its send buffer grows to 2.5 MB for one stuck reader
/// on loopback, and with 400 of them the kernel is short of memory for TCP, which slows every connection of the machine.
/// With 256 KiB the wake-ups cost one connection 8 % of CPU a byte; with a mebibyte nothing that shows.
const UNSENT: u32 = 1024 * 1024;

/// Keeps what waits in the kernel small; what has been sent is not bounded by this, so a long path is as fast as before.
pub(super) fn bound_unsent(tcp: &TcpStream) {
    // If this fails, more waits there.
    let _ = SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT);
}
