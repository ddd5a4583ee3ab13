//! The buffers that the system keeps for a socket: as large as it lets them be.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// What the system granted of the socket buffers that were asked for, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Bytes for datagrams that wait to be read.
    pub recv: usize,
    /// Bytes for datagrams that wait to be sent.
    pub send: usize,
    /// The first, as a program without privileges would have it: what a peer can be expected to have, too.
    pub common: usize,
}

/// Asks for buffers of `size` bytes each; what the system grants of them is said by [`granted`]. Returns what it grants
/// anybody to read from.
pub(super) fn ask(socket: &Socket, size: usize) -> io::Result<usize> {
    raise(size, |size| socket.set_recv_buffer_size(size));
    raise(size, |size| socket.set_send_buffer_size(size));
    let common = socket.recv_buffer_size()? / OVERHEAD;
    force(socket, size);
    Ok(common)
}

/// The same for a socket that somebody else has made, who may have asked for more than this process may: it never gets less.
pub(super) fn ask_more(socket: &Socket, address: SocketAddr, size: usize) -> io::Result<usize> {
    // What this process is granted shows on another.
    let own = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    let common = ask(&own, size)?;
    if socket.recv_buffer_size()? < own.recv_buffer_size()? {
        raise(size, |size| socket.set_recv_buffer_size(size));
        force(socket, size);
    }
    if socket.send_buffer_size()? < own.send_buffer_size()? {
        raise(size, |size| socket.set_send_buffer_size(size));
    }
    Ok(common)
}

/// The sizes of the socket's buffers, of which anybody has `common` to read from.
pub(super) fn granted(socket: SockRef<'_>, common: usize) -> io::Result<Granted> {
    let (recv, send) = (socket.recv_buffer_size()? / OVERHEAD, socket.send_buffer_size()? / OVERHEAD);
    Ok(Granted { recv, send, common })
}

/// Linux reports twice what datagrams may fill, to cover its own overhead.
const OVERHEAD: usize = if cfg!(target_os = "linux") { 2 } else { 1 };

/// Sets a buffer as large as the system allows, down from `wanted`. Linux clamps by itself; others refuse.
fn raise(wanted: usize, set: impl Fn(usize) -> io::Result<()>) {
    let mut size = wanted;
    while size >= 64 << 10 && set(size).is_err() {
        size /= 2;
    }
}

/// Lets datagrams wait past `net.core.rmem_max`: who may administer the network need not raise that first, and everybody
/// else keeps what was granted. Not what waits to be sent: a full buffer there is what slows a sender down.
#[cfg(target_os = "linux")]
fn force(socket: &Socket, size: usize) {
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, size);
}

#[cfg(not(target_os = "linux"))]
fn force(_socket: &Socket, _size: usize) {}
