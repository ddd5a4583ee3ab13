//! Dials the target of a stream.

use std::fmt;
use std::io;
use std::time::Duration;

use proto::sealed::frame::ResetCode;
use proto::target::Target;
use tokio::net::TcpStream;

use crate::address::{HostPort, ResolveError};
use crate::descriptors;
use crate::metrics::Dials;

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
    /// So many are being dialled for the same ticket that its turn did not come.
    NoTurn,
    /// Anything else.
    Other(io::Error),
}

/// Connects to `target`, trying each of its addresses, for at most `limit` in all. A name is looked up each time.
///
/// # Errors
/// The last address's, or that the name is unknown.
pub(crate) async fn dial(target: HostPort, limit: Duration) -> Result<TcpStream, DialError> {
    tokio::time::timeout(limit, dial_each(&target)).await.unwrap_or(Err(DialError::TimedOut))
}

async fn dial_each(target: &HostPort) -> Result<TcpStream, DialError> {
    let addresses = target.resolve().await?;
    let mut last = DialError::UnknownHost;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

impl DialError {
    /// What the peer is told.
    pub(crate) const fn code(&self) -> ResetCode {
        match self {
            Self::Refused => ResetCode::Refused,
            Self::TimedOut => ResetCode::TimedOut,
            Self::Unreachable | Self::UnknownHost | Self::Other(_) => ResetCode::Unreachable,
            Self::NoDescriptor | Self::NoTurn => ResetCode::Limit,
        }
    }

    /// Counts it.
    pub(crate) const fn count(&self, dials: &mut Dials) {
        let counter = match self {
            Self::Refused => &mut dials.refused,
            Self::TimedOut => &mut dials.timed_out,
            Self::Unreachable => &mut dials.unreachable,
            Self::UnknownHost => &mut dials.unknown_host,
            Self::NoDescriptor | Self::NoTurn | Self::Other(_) => &mut dials.other,
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
            let target: std::net::SocketAddr = target.parse().unwrap();
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
