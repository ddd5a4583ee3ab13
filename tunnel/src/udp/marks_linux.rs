//! Room for the ECN bits among the control messages of a datagram that comes.

use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};

/// `quinn-udp` 0.6.3 asks for the time of each datagram as well, and gives control messages 96 bytes. With the time, the address
/// and the size of merged datagrams they need more, and it is the bits, which come last, that are cut off.
pub(super) fn make_room(socket: &impl AsFd) {
    // A failure leaves what was: the bits of merged datagrams are not seen, and the link finds the path to lose them.
    let _ = setsockopt(socket, ReceiveTimestampns, &false);
}
