//! What the kernel takes in for a connection whose other end does not read.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use socket2::SockRef;
use tokio::net::TcpStream;

/// Bytes that may wait in the kernel before they are sent, divided by the connections of the process.
///
/// Left alone, its send buffer grows to 2.5 MB for one stuck reader on loopback, and with 400 of them the kernel is short of
/// memory for TCP, which slows every connection of the machine.
const ALL: usize = 64 << 20;

/// The most and the least for one that is read. With 256 KiB the wake-ups cost one connection 8 % of CPU a byte, with 1 MiB
/// 2 %, with this nothing that shows; the least is what is written in a turn.
const READ: std::ops::RangeInclusive<usize> = 128 << 10..=4 << 20;

/// What one may have waiting until it has shown that it is read: half of what the kernel makes one packet of.
const UNPROVEN: usize = 32 << 10;

/// So many bytes it takes: more than the systems on the way take in for a reader that never reads.
const PROVEN: usize = 1 << 20;

/// The connections of the process.
static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

/// Keeps small what waits in the kernel for one connection. What has been sent is not bounded by this, so a long path is
/// as fast as before.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// Bytes to write until it counts as read.
    unproven: usize,
}

impl Unsent {
    /// For one more connection.
    pub(super) fn new(tcp: &TcpStream) -> Self {
        CONNECTIONS.fetch_add(1, Relaxed);
        bound(tcp, UNPROVEN);
        Self { unproven: PROVEN }
    }

    /// The kernel took `count` bytes.
    pub(super) fn wrote(&mut self, tcp: &TcpStream, count: usize) {
        if self.unproven > 0 {
            self.unproven = self.unproven.saturating_sub(count);
            if self.unproven == 0 {
                bound(tcp, (ALL / CONNECTIONS.load(Relaxed).max(1)).clamp(*READ.start(), *READ.end()));
            }
        }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        CONNECTIONS.fetch_sub(1, Relaxed);
    }
}

fn bound(tcp: &TcpStream, bytes: usize) {
    // If this fails, more waits there.
    let _ = SockRef::from(tcp).set_tcp_notsent_lowat(u32::try_from(bytes).unwrap_or(u32::MAX));
}
