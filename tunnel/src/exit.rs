//! Dials the target of a stream.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::address::HostPort;
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
    let addresses = target.resolve().await.map_err(|_| DialError::UnknownHost)?;
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
    /// Counts it.
    pub(crate) const fn count(&self, dials: &mut Dials) {
        let counter = match self {
            Self::Refused => &mut dials.refused,
            Self::TimedOut => &mut dials.timed_out,
            Self::Unreachable => &mut dials.unreachable,
            Self::UnknownHost => &mut dials.unknown_host,
            Self::Other(_) => &mut dials.other,
        };
        *counter += 1;
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
            Self::Other(error) => write!(f, "the target cannot be dialled: {error}"),
        }
    }
}
