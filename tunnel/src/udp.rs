//! The UDP socket of a proxy: batches both ways, large buffers. The home of `quinn-udp`.
//!
//! Where the system can, many datagrams of one size to one peer leave with one system call (GSO), and arriving ones
//! are handed over merged (GRO). Neither is visible to the peer. Where the system cannot, the same calls work and move
//! one datagram at a time. A socket bound to an IPv6 wildcard also serves IPv4; addresses are always given and
//! reported in their own family, never as IPv4 in IPv6.

mod buffers;
#[cfg_attr(target_os = "linux", path = "udp/fragments_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "udp/fragments_other.rs")]
mod fragments;
mod gate;
#[cfg_attr(target_os = "linux", path = "udp/marks_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "udp/marks_other.rs")]
mod marks;
mod offload;
#[cfg_attr(unix, path = "udp/io_unix.rs")]
#[cfg_attr(not(unix), path = "udp/io_other.rs")]
mod readiness;

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use self::offload::Offload;
pub(crate) use self::readiness::Io;
use crate::passed::Lent;
use crate::{drain, listen, passed};
use proto::sealed::wire::ecn::Ecn;
use quinn_udp::{UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

pub use buffers::Granted;
pub use gate::Gate;
pub use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, Transmit};

/// A receive buffer of this many bytes holds every UDP datagram, and every run of merged ones.
pub const DATAGRAM_BUFFER: usize = 65_536;

/// The largest payload one send may carry, all its segments together.
pub const MAX_SEND: usize = proto::MAX_UDP_PAYLOAD;

/// Most receive errors in a row that are taken for echoes of ICMP messages before one is reported.
const MAX_ERRORS_IN_A_ROW: usize = 64;

/// Ends when the system takes datagrams again.
pub type Writable = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// The socket.
#[derive(Debug)]
pub struct Udp {
    io: Io,
    receiving: UdpSocketState,
    sending: Offload,
    /// The socket is IPv6: IPv4 addresses go in and come out mapped.
    v6: bool,
    /// It is bound to all addresses of this machine.
    any: bool,
    /// What the system grants anybody to read from.
    common_buffer: usize,
    /// Another process may have it too.
    _lent: Option<Lent>,
}

impl Udp {
    /// Binds `address` and asks for socket buffers of `buffer` bytes. Smaller ones are no error; see [`Udp::granted`].
    ///
    /// # Errors
    /// Those of `socket` and `bind`: the port is in use; where the system cannot wait for it, the address is not of this machine.
    pub fn bind(address: SocketAddr, buffer: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        let common_buffer = buffers::ask(&socket, buffer)?;
        socket.set_nonblocking(true)?;
        listen::bind(&socket, address)?;
        Self::of_socket(socket, address, common_buffer)
    }

    /// A socket that somebody else has bound, as [`Udp::bind`] would have made it. Buffers that are larger than this process may ask
    /// for stay as they are.
    ///
    /// # Errors
    /// Those of `getsockname` and of setting its options.
    pub(crate) fn passed(socket: std::net::UdpSocket, buffer: usize) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let socket = Socket::from(socket);
        let common_buffer = buffers::ask_more(&socket, address, buffer)?;
        socket.set_nonblocking(true)?;
        Self::of_socket(socket, address, common_buffer)
    }

    fn of_socket(socket: Socket, address: SocketAddr, common_buffer: usize) -> io::Result<Self> {
        let state = || UdpSocketState::new(UdpSockRef::from(&socket));
        let (receiving, sending) = (state()?, Offload::new(state()?, Offload::PAUSE));
        marks::make_room(&socket);
        let io = Io::new(socket.into())?;
        let (v6, any) = (address.is_ipv6(), address.ip().to_canonical().is_unspecified());
        Ok(Self { io, receiving, sending, v6, any, common_buffer, _lent: None })
    }

    /// The same, which a process that follows this one takes over.
    ///
    /// # Errors
    /// Those of `dup`.
    pub(crate) fn lent(self) -> io::Result<Self> {
        let lent = passed::lend_udp(self.io.socket())?;
        Ok(Self { _lent: Some(lent), ..self })
    }

    /// Leaves what arrives to another process that has this socket, or reads it again; it is sent from in any case.
    ///
    /// # Errors
    /// Those of the runtime.
    pub(crate) fn set_reading(&self, reads: bool) -> io::Result<()> {
        self.io.set_reading(reads)
    }

    /// Binds a free port on all addresses of this machine, of both families where there is IPv6.
    ///
    /// # Errors
    /// Those of [`Udp::bind`].
    pub fn bind_any(buffer: usize) -> io::Result<Self> {
        let any = |text: &str| text.parse().expect("a literal socket address");
        Self::bind(any("[::]:0"), buffer).or_else(|_| Self::bind(any("0.0.0.0:0"), buffer))
    }

    /// Datagrams that are larger than the path's MTU leave in fragments from now on, where the system can be told so. Without
    /// it they are not sent.
    pub(crate) fn allow_fragments(&self) {
        fragments::allow(self.io.socket(), self.v6);
    }

    /// The bound address.
    ///
    /// # Errors
    /// Those of `getsockname`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(canonical(self.io.socket().local_addr()?))
    }

    /// The local address that a datagram was sent to, and so has to be answered from, where the socket is bound to no single one.
    pub fn answer_from(&self, meta: &RecvMeta) -> Option<IpAddr> {
        meta.dst_ip.filter(|_| self.any)
    }

    /// The sizes of the socket's buffers.
    ///
    /// # Errors
    /// Those of `getsockopt`.
    pub fn granted(&self) -> io::Result<Granted> {
        buffers::granted(SockRef::from(self.io.socket()), self.common_buffer)
    }

    /// How many datagrams one send may carry: 1 without GSO. Falls to 1 for a while when the system refuses it.
    pub fn max_segments(&self) -> usize {
        self.sending.segments()
    }

    /// Pending while there is certainly nothing to receive: what a receive needs can be got ready afterwards.
    ///
    /// # Errors
    /// Those of the runtime, which is ending.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_readable(cx)
    }

    /// Receives into `bufs`, at most [`BATCH_SIZE`] of them, each best [`DATAGRAM_BUFFER`] bytes long, and says how
    /// many were filled. `metas` tells each one's length, sender and the size of the datagrams merged in it.
    ///
    /// Errors that an ICMP message left on the socket are passed over: an unreachable peer is not an end.
    ///
    /// # Errors
    /// Those of `recvmsg` that are not about a peer.
    pub fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut errors = 0;
        loop {
            ready!(self.io.poll_readable(cx))?;
            let received = drain::read(
                bufs.len(),
                || self.receiving.recv(UdpSockRef::from(self.io.socket()), bufs, metas),
                |attempt| self.io.try_read(attempt),
            );
            match received {
                Ok(count) => {
                    for meta in metas.iter_mut().take(count) {
                        meta.addr = canonical(meta.addr);
                        meta.dst_ip = meta.dst_ip.map(|ip| ip.to_canonical());
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if is_about_a_peer(&error) && errors < MAX_ERRORS_IN_A_ROW => errors += 1,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Sends `transmit`, or its first segments, and says how many bytes of its contents are sent. Contents are at
    /// most [`MAX_SEND`] bytes. [`Gate::poll_send`] does the same and waits where the system takes no more.
    ///
    /// # Errors
    /// Those of `sendmsg` for the first segment not yet sent; `WouldBlock` where the system takes no more now.
    pub fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<usize> {
        let transmit = Transmit { destination: self.outgoing(transmit.destination), ..transmit.clone() };
        self.io.try_write(|| self.send_some(&transmit))
    }

    /// Waits until the system takes datagrams again.
    pub fn writable(&self) -> Writable {
        self.io.writable()
    }

    /// [`Udp::poll_recv`] as a future.
    ///
    /// # Errors
    /// See there.
    pub async fn recv(&self, bufs: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_recv(cx, bufs, metas)).await
    }

    /// Sends all of `transmit`.
    ///
    /// # Errors
    /// See [`Udp::try_send`]; what follows the failing segment is not sent.
    pub async fn send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let (mut rest, mut gate) = (transmit.clone(), Gate::default());
        loop {
            let sent = std::future::poll_fn(|cx| gate.poll_send(cx, self, &rest)).await?;
            match rest.contents.split_at_checked(sent) {
                Some((_, more)) if !more.is_empty() => rest.contents = more,
                _ => return Ok(()),
            }
        }
    }

    /// One attempt: all at once, then, where the system refuses that, segment by segment. Some kernels answer a
    /// segmented send with `EAGAIN` though a single datagram would go out, so that is no reason to wait yet.
    fn send_some(&self, transmit: &Transmit<'_>) -> io::Result<usize> {
        let segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        let socket = self.io.socket();
        let most = self.sending.segments_again(UdpSockRef::from(socket), || marks::make_room(socket));
        if transmit.contents.len() <= segment.saturating_mul(most) {
            match self.sending.try_send(UdpSockRef::from(self.io.socket()), transmit) {
                Ok(()) => return Ok(transmit.contents.len()),
                Err(error) if transmit.contents.len() <= segment => return Err(error),
                Err(_) => {}
            }
        }
        let mut sent = 0;
        for contents in transmit.contents.chunks(segment) {
            let single = Transmit { contents, segment_size: None, ..transmit.clone() };
            match self.sending.try_send(UdpSockRef::from(self.io.socket()), &single) {
                Ok(()) => sent += contents.len(),
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    /// `address` in the family of the socket.
    fn outgoing(&self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(v4) if self.v6 => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => address,
        }
    }
}

/// Datagrams of this socket that are larger than the path's MTU are not sent from now on, and none leaves in fragments, where the system
/// can be told so.
pub(crate) fn forbid_fragments(socket: &tokio::net::UdpSocket, v6: bool) {
    fragments::forbid(socket, v6);
}

/// The datagrams that lie merged in a received buffer.
pub fn datagrams<'a>(buffer: &'a [u8], meta: &RecvMeta) -> impl Iterator<Item = &'a [u8]> {
    let filled = buffer.get(..meta.len).unwrap_or(buffer);
    // An empty datagram is a datagram too; `chunks` would not show it.
    let empty = filled.is_empty().then_some(filled);
    empty.into_iter().chain(filled.chunks(meta.stride.max(1)))
}

/// The address that packets to `peer` have now. Nothing is sent: connecting a UDP socket only looks up the route.
pub(crate) fn source_address(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Whether a send failed because the datagram is larger than the path's MTU.
pub fn is_too_large(error: &io::Error) -> bool {
    quinn_udp::is_msg_size_err(error)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

fn is_about_a_peer(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::Interrupted
    )
}

/// What the IP header of a datagram that came says.
pub fn ecn_of(meta: &RecvMeta) -> Ecn {
    match meta.ecn {
        None => Ecn::NotCapable,
        Some(EcnCodepoint::Ect0) => Ecn::Capable,
        Some(EcnCodepoint::Ect1) => Ecn::LowLatency,
        Some(EcnCodepoint::Ce) => Ecn::Congested,
    }
}

/// The same for a datagram that leaves.
pub const fn ecn_bits(ecn: Ecn) -> Option<EcnCodepoint> {
    match ecn {
        Ecn::NotCapable => None,
        Ecn::Capable => Some(EcnCodepoint::Ect0),
        Ecn::LowLatency => Some(EcnCodepoint::Ect1),
        Ecn::Congested => Some(EcnCodepoint::Ce),
    }
}

#[cfg(test)]
mod tests;
