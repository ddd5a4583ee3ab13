//! What the kernel takes in for a connection whose other end does not read.

use socket2::SockRef;
use tokio::net::TcpStream;

/// Bytes that may wait in the kernel before they are sent, for all connections of a link that are not many.
///
/// Left alone, its send buffer grows to 2.5 MB for one stuck reader on loopback, and with 400 of them the kernel is short of
/// memory for TCP, which slows every connection of the machine.
const ALL: usize = 64 << 20;

/// The most for one connection. With 256 KiB the wake-ups cost one connection 8 % of CPU a byte, with this nothing that shows.
const MOST: usize = 1 << 20;

/// The least for one connection: what is written in a turn.
const LEAST: usize = 128 << 10;

/// Keeps small what waits in the kernel for one more connection of a link that has `others`. What has been sent is not bounded
/// by this, so a long path is as fast as before.
pub(super) fn bound_unsent(tcp: &TcpStream, others: usize) {
    let most = (ALL / (others + 1)).clamp(LEAST, MOST);
    // If this fails, more waits there.
    let _ = SockRef::from(tcp).set_tcp_notsent_lowat(u32::try_from(most).unwrap_or(u32::MAX));
}
