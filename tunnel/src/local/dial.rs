//! Dials the target of a stream.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proto::sealed::wire::frame::ResetCode;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::address::{HostPort, ResolveError};
use crate::descriptors;
use crate::metrics::Counters;
use crate::tcp_options::{self, TcpKeepalive};

/// How long an address may be silent before the next is tried beside it (RFC 8305 section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

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

/// Connects to `target`, to whichever of its addresses answers first. A name is looked up each time.
///
/// Cancel safe: what was begun ends.
///
/// # Errors
/// The address's that failed last, or that the name is unknown.
pub(crate) async fn dial(target: &HostPort, settings: DialSettings) -> Result<TcpStream, DialError> {
    let dialling = dial_each(target, settings.keepalive);
    tokio::time::timeout(settings.limit, dialling).await.unwrap_or(Err(DialError::TimedOut))
}

async fn dial_each(target: &HostPort, keepalive: TcpKeepalive) -> Result<TcpStream, DialError> {
    dial_first(target.resolve().await?, keepalive).await
}

/// Connects to the first of `addresses` that answers: one after the other is tried, the next when one fails or is silent for a
/// while, and the earlier ones go on (RFC 8305 section 5). Those that lose end with RST.
async fn dial_first(addresses: Vec<SocketAddr>, keepalive: TcpKeepalive) -> Result<TcpStream, DialError> {
    let mut left = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = DialError::UnknownHost;
    loop {
        if let Some(address) = left.next() {
            attempts.spawn(connect(address, keepalive));
        }
        let wait = async {
            match left.len() {
                0 => pending().await,
                _ => sleep(ATTEMPT_DELAY).await,
            }
        };
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(tcp))) => return Ok(tcp),
                Some(Ok(Err(error))) => last = last.or(error.into()),
                Some(Err(_)) => {}
                None => return Err(last),
            },
            () = wait => {}
        }
    }
}

async fn connect(address: SocketAddr, keepalive: TcpKeepalive) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Before the connection is there, and bytes come.
    tcp_options::set(SockRef::from(&socket), keepalive);
    let tcp = socket.connect(address).await?;
    if is_connected_to_itself(&tcp) {
        // Nobody listens there.
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(tcp)
}

/// Whether both ends are the same: the system has chosen the very port that was dialled, and TCP allows that both ends open at
/// once (RFC 9293 section 3.5). It happens with targets on this machine whose port is one that the system hands out.
fn is_connected_to_itself(tcp: &TcpStream) -> bool {
    matches!((tcp.local_addr(), tcp.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

impl DialError {
    /// What the failure of another address of the same target makes of it. A family that this machine does not have fails as if no
    /// port were left, and says nothing of the target.
    fn or(self, next: Self) -> Self {
        match (&self, &next) {
            (Self::UnknownHost, _) => next,
            (_, Self::NoPort) => self,
            _ => next,
        }
    }

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
    pub(crate) const fn count(&self, counters: &mut Counters) {
        let counter = match self {
            Self::Refused => &mut counters.targets_refused,
            Self::TimedOut => &mut counters.targets_timed_out,
            Self::Unreachable => &mut counters.targets_unreachable,
            Self::UnknownHost | Self::NoDescriptor | Self::NoPort | Self::NoTurn | Self::Other(_) => {
                &mut counters.dials_failed
            }
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

    #[tokio::test]
    async fn a_connection_to_itself_is_noticed() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let tcp = socket.connect(address).await.unwrap();
        assert!(is_connected_to_itself(&tcp));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = connect(listener.local_addr().unwrap(), TcpKeepalive::default()).await.unwrap();
        assert!(!is_connected_to_itself(&tcp));
    }

    #[tokio::test]
    async fn an_address_that_is_silent_or_refuses_does_not_keep_the_next_from_being_tried() {
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = open.local_addr().unwrap();
        let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        // Of the block for documentation, RFC 5737: nobody answers there, and where there is no way to it that is said at once.
        let silent: SocketAddr = "192.0.2.1:9".parse().unwrap();
        for addresses in
            [vec![silent, good], vec![refusing, good], vec![silent, refusing, good], vec![good, silent]]
        {
            let dialled = dial_first(addresses.clone(), TcpKeepalive::Off).await;
            assert_eq!(dialled.unwrap().peer_addr().unwrap(), good, "{addresses:?}");
        }
        let failed = dial_first(vec![refusing, refusing], TcpKeepalive::Off).await;
        assert!(matches!(failed, Err(DialError::Refused)), "{failed:?}");
        assert!(matches!(dial_first(vec![], TcpKeepalive::Off).await, Err(DialError::UnknownHost)));
    }
}
