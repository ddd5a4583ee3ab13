//! The buffers that the system keeps for a socket: as large as it lets them be. The home of `rustix`.

use std::io;

use socket2::{SockRef, Socket};

/// What the system granted of the socket buffers that were asked for, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Bytes for datagrams that wait to be read.
    pub recv: usize,
    /// Bytes for datagrams that wait to be sent.
    pub send: usize,
}

/// Asks for buffers of `size` bytes each; what the system grants of them is said by [`granted`].
pub(super) fn ask(socket: &Socket, size: usize) {
    raise(size, |size| socket.set_recv_buffer_size(size));
    raise(size, |size| socket.set_send_buffer_size(size));
    force(socket, size);
}

/// The sizes of the socket's buffers. Linux reports twice what datagrams may fill, to cover its own overhead.
pub(super) fn granted(socket: SockRef<'_>) -> io::Result<Granted> {
    let overhead = if cfg!(target_os = "linux") { 2 } else { 1 };
    Ok(Granted { recv: socket.recv_buffer_size()? / overhead, send: socket.send_buffer_size()? / overhead })
}

/// Sets a buffer as large as the system allows, down from `wanted`. Linux clamps by itself; others refuse.
fn raise(wanted: usize, set: impl Fn(usize) -> io::Result<()>) {
    let mut size = wanted;
    while size >= 64 << 10 && set(size).is_err() {
        size /= 2;
    }
}

/// Sets them past `net.core.rmem_max` and `wmem_max`: who may administer the network need not raise those first.
/// Everybody else keeps what was granted.
#[cfg(target_os = "linux")]
fn force(socket: &Socket, size: usize) {
    use rustix::net::sockopt;
    let _ = sockopt::set_socket_recv_buffer_size_force(socket, size);
    let _ = sockopt::set_socket_send_buffer_size_force(socket, size);
}

#[cfg(not(target_os = "linux"))]
fn force(_socket: &Socket, _size: usize) {}
