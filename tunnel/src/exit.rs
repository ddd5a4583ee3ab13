//! Dials the target of a stream.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proto::sealed::frame::ResetCode;
use proto::target::Target;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use crate::address::{HostPort, ResolveError};
use crate::descriptors;
use crate::metrics::Dials;
use crate::tcp_options::{self, TcpKeepalive};

/// Why a target could not be dialled.
#[derive(Debug)]
pub(crate) enum DialError {
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No way there.
    Unreachable,
    /// Its name is unknown.
    UnknownHost,
    /// No descriptor is left for the connection.
    NoDescriptor,
    /// No port of this machine is left for the connection.
    NoPort,
    /// So many are being dialled for the same ticket that its turn did not come.
    NoTurn,
    /// Anything else.
    Other(io::Error),
}

/// How targets are dialled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DialSettings {
    /// How long a dial may take in all.
    pub(crate) limit: Duration,
    /// What the connections are set to.
    pub(crate) keepalive: TcpKeepalive,
}

/// Connects to `target`, trying each of its addresses. A name is looked up each time.
///
/// # Errors
/// The last address's, or that the name is unknown.
pub(crate) async fn dial(target: HostPort, settings: DialSettings) -> Result<TcpStream, DialError> {
    let dialling = dial_each(&target, settings.keepalive);
    tokio::time::timeout(settings.limit, dialling).await.unwrap_or(Err(DialError::TimedOut))
}

async fn dial_each(target: &HostPort, keepalive: TcpKeepalive) -> Result<TcpStream, DialError> {
    let addresses = target.resolve().await?;
    let mut last = DialError::UnknownHost;
    for address in addresses {
        match connect(address, keepalive).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

async fn connect(address: SocketAddr, keepalive: TcpKeepalive) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Before the connection is there, and bytes come.
    tcp_options::set(SockRef::from(&socket), keepalive);
    socket.connect(address).await
}

impl DialError {
    /// What the peer is told.
    pub(crate) const fn code(&self) -> ResetCode {
        match self {
            Self::Refused => ResetCode::Refused,
            Self::TimedOut => ResetCode::TimedOut,
            Self::Unreachable | Self::UnknownHost | Self::Other(_) => ResetCode::Unreachable,
            Self::NoDescriptor | Self::NoPort | Self::NoTurn => ResetCode::Limit,
        }
    }

    /// Counts it.
    pub(crate) const fn count(&self, dials: &mut Dials) {
        let counter = match self {
            Self::Refused => &mut dials.refused,
            Self::TimedOut => &mut dials.timed_out,
            Self::Unreachable => &mut dials.unreachable,
            Self::UnknownHost => &mut dials.unknown_host,
            Self::NoDescriptor | Self::NoPort | Self::NoTurn | Self::Other(_) => &mut dials.other,
        };
        *counter += 1;
    }
}

impl From<ResolveError> for DialError {
    fn from(error: ResolveError) -> Self {
        if error.no_descriptor { Self::NoDescriptor } else { Self::UnknownHost }
    }
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let kind = error.kind();
        if matches!(kind, Kind::ConnectionRefused | Kind::ConnectionReset) {
            Self::Refused
        } else if matches!(kind, Kind::TimedOut) {
            Self::TimedOut
        } else if matches!(kind, Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown) {
            Self::Unreachable
        } else if matches!(kind, Kind::AddrNotAvailable) {
            Self::NoPort
        } else if descriptors::is_exhaustion(&error) {
            Self::NoDescriptor
        } else {
            Self::Other(error)
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the target refuses connections"),
            Self::TimedOut => f.write_str("the target does not answer"),
            Self::Unreachable => f.write_str("the target cannot be reached"),
            Self::UnknownHost => f.write_str("the target's name is unknown"),
            Self::NoDescriptor => f.write_str(
                "no descriptor is left to dial the target: raise the limit of open files (ulimit -n)",
            ),
            Self::NoPort => f.write_str(
                "no port of this machine is left to dial the target: too many connections to it have just ended",
            ),
            Self::NoTurn => f.write_str("too many targets are being dialled for this ticket"),
            Self::Other(error) => write!(f, "the target cannot be dialled: {error}"),
        }
    }
}

/// What an exit dials. This is the one place where that is decided, before any dial.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    only: HostPort,
}

/// The exit does not dial that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forbidden;

impl Permit {
    /// Nothing but `target`.
    pub(crate) const fn only(target: HostPort) -> Self {
        Self { only: target }
    }

    /// What it dials.
    pub(crate) const fn target(&self) -> &HostPort {
        &self.only
    }

    /// What to dial for a peer that asked for `asked`: the text of a target, or nothing for the exit's own.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub(crate) fn check(&self, asked: &[u8]) -> Result<HostPort, Forbidden> {
        let own = self.only.to_string().to_ascii_lowercase();
        let same = Target::from_wire(asked).is_ok_and(|target| target.to_string() == own);
        if asked.is_empty() || same { Ok(self.only.clone()) } else { Err(Forbidden) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_not_be_looked_up_is_not_unknown() {
        let error = |no_descriptor| ResolveError {
            name: "exit.example".into(),
            reason: String::new(),
            no_descriptor,
        };
        assert_eq!(DialError::from(error(true)).code(), ResetCode::Limit);
        assert_eq!(DialError::from(error(false)).code(), ResetCode::Unreachable);
    }

    #[test]
    fn only_the_own_target_is_dialled() {
        let permit = |target: &str| {
            let target: SocketAddr = target.parse().unwrap();
            Permit::only(target.into())
        };
        assert!(permit("127.0.0.1:80").check(b"").is_ok());
        assert!(permit("127.0.0.1:80").check(b"127.0.0.1:80").is_ok());
        assert!(permit("[::1]:80").check(b"[::1]:80").is_ok());
        for wrong in [b"127.0.0.1:81".as_slice(), b"127.0.0.2:80", b"localhost:80", b"127.0.0.1:80 ", b"\xff"]
        {
            assert_eq!(permit("127.0.0.1:80").check(wrong), Err(Forbidden));
        }
    }
}
