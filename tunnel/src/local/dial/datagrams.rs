//! Sockets for datagrams, connected to addresses that were checked.

use std::borrow::Cow;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::task::{Context, Poll, ready};

use socket2::SockRef;

use super::DialError;
use super::permit::Permitted;
use crate::local::udp::{Delivery, Incoming};
use crate::udp::Io;

/// The target of a flow. Only datagrams from its address come back: the system drops others.
pub(crate) struct UdpTarget {
    io: Io,
    at: Permitted,
}

/// What the socket's buffers should hold, in bytes: 7 ms at 1 Gbit/s, for as long as the link's task may be busy elsewhere.
const SOCKET_BUFFER: usize = 1 << 20;

/// Opens a socket to the first of the `addresses` that there is a route to. Nothing is sent.
///
/// # Errors
/// That of the last address.
pub(super) fn open(addresses: &[Permitted]) -> Result<UdpTarget, DialError> {
    let mut last = DialError::UnknownHost;
    for address in addresses {
        match UdpTarget::connect(*address) {
            Ok(target) => return Ok(target),
            Err(error) => last = last.or(error.into()),
        }
    }
    Err(last)
}

impl UdpTarget {
    fn connect(at: Permitted) -> io::Result<Self> {
        let any: IpAddr = match at.address() {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(at.address())?;
        // What the system grants is enough to go on with.
        let _ = SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER);
        Ok(Self { io: Io::new(socket)?, at })
    }

    /// Where it is.
    pub(crate) const fn at(&self) -> Permitted {
        self.at
    }

    /// The next datagram of the target; wakes when there is one.
    pub(crate) fn poll_recv<'a>(&self, cx: &mut Context<'_>, scratch: &'a mut [u8]) -> Poll<Incoming<'a>> {
        loop {
            if ready!(self.io.poll_readable(cx)).is_err() {
                // The runtime is ending, and everything with it.
                return Poll::Pending;
            }
            match self.io.try_read(&mut || (&*SockRef::from(self.io.socket())).read(scratch)) {
                Ok(length) => {
                    let datagram = scratch.get(..length).unwrap_or_default();
                    return Poll::Ready(Incoming::Datagram(Cow::Borrowed(datagram)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Each comes once for a datagram that was sent: they are no more than those.
                Err(_) => return Poll::Ready(Incoming::Unreachable),
            }
        }
    }

    /// Sends the target a datagram.
    pub(crate) fn send(&self, datagram: &[u8]) -> Delivery {
        let delivery = self.try_send(datagram);
        if delivery != Delivery::Unreachable {
            return delivery;
        }
        // What an earlier datagram has met is told to the next send, which then sends nothing: that one is not to blame.
        let again = self.try_send(datagram);
        if again == Delivery::Taken { Delivery::TakenAfterLoss } else { again }
    }

    fn try_send(&self, datagram: &[u8]) -> Delivery {
        match self.io.try_write(|| SockRef::from(self.io.socket()).send(datagram)) {
            Ok(_) => Delivery::Taken,
            Err(error) => Delivery::of(&error),
        }
    }
}

impl std::fmt::Debug for UdpTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UdpTarget").field(&self.at.address()).finish()
    }
}
