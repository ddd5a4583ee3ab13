//! A forward at work: a listener, and what its clients are carried to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll};

use super::listener::{ClientName, Listener};
use super::stream::{LocalStream, UnixListener};
use crate::bind_error::{BindError, resolve_listen};
use crate::settings::{CarryTo, Forward, ListenOn};
use crate::tcp_options::TcpKeepalive;

/// A forward whose clients can connect.
#[derive(Debug)]
pub(crate) struct Forwarding {
    bound: Bound,
    target: Vec<u8>,
    listener: AnyListener,
}

/// Where a forward's clients connect, with its port filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

#[derive(Debug)]
enum AnyListener {
    Tcp(Listener),
    Unix(Listener<UnixListener>),
}

impl Forwarding {
    /// Listens. A name service that cannot be asked yet is asked until it answers.
    ///
    /// # Errors
    /// The address or the path cannot be had.
    pub(crate) async fn bind(forward: &Forward, keepalive: TcpKeepalive) -> Result<Self, BindError> {
        let failed = |error| BindError::Forward { listen: forward.listen.clone(), error };
        let (listener, bound) = match &forward.listen {
            ListenOn::Tcp(listen) => {
                let address = resolve_listen(listen).await?;
                let listener = Listener::bind(address, keepalive).map_err(failed)?;
                let bound = listener.local_addr().map_err(failed)?;
                (AnyListener::Tcp(listener), Bound::Tcp(bound))
            }
            ListenOn::Unix(path) => {
                let listener = Listener::bind_unix(path).await.map_err(failed)?;
                (AnyListener::Unix(listener), Bound::Unix(path.clone()))
            }
            ListenOn::Udp(_) | ListenOn::Stdio => return Err(failed(io::ErrorKind::Unsupported.into())),
        };
        let CarryTo::Destination(destination) = &forward.to else {
            return Err(failed(io::ErrorKind::Unsupported.into()));
        };
        Ok(Self { bound, target: destination.to_wire(), listener })
    }

    /// Where its clients connect.
    pub(crate) const fn bound(&self) -> &Bound {
        &self.bound
    }

    /// What the peer is asked to dial, as it stands on the wire; empty: the peer's own target.
    pub(crate) fn target(&self) -> &[u8] {
        &self.target
    }

    /// The next client.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(LocalStream, ClientName)> {
        match &mut self.listener {
            AnyListener::Tcp(listener) => listener.poll(cx).map(|(tcp, client)| (tcp.into(), client)),
            AnyListener::Unix(listener) => listener.poll(cx).map(|(unix, client)| (unix.into(), client)),
        }
    }

    /// How often accepting failed.
    pub(crate) const fn failures(&self) -> u64 {
        match &self.listener {
            AnyListener::Tcp(listener) => listener.failures(),
            AnyListener::Unix(listener) => listener.failures(),
        }
    }
}

impl Bound {
    /// The TCP address, if it is one.
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
