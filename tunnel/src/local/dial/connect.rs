//! Connects to addresses that were checked.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::DialError;
use super::permit::Permitted;
use crate::tcp_options::{self, TcpKeepalive};

/// How long an address may be silent before the next is tried beside it (RFC 8305 section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Attempts at a time, each of which has a descriptor: the place of a stream is for one, and a name can have any number of silent
/// addresses.
pub(super) const ATTEMPTS: usize = 4;

/// Connects to the first of `addresses` that answers: one after the other is tried, the next when one fails or is silent for a
/// while, and the earlier ones go on (RFC 8305 section 5), a few of them. Those that lose end with RST.
pub(super) async fn first(
    addresses: Vec<Permitted>,
    keepalive: TcpKeepalive,
) -> Result<(TcpStream, Permitted), DialError> {
    first_of(addresses, |address| connect(address, keepalive)).await
}

/// The same with whatever an attempt is.
pub(super) async fn first_of<T, A>(
    addresses: Vec<Permitted>,
    attempt: impl Fn(Permitted) -> A,
) -> Result<T, DialError>
where
    T: Send + 'static,
    A: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut left = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut under_way = VecDeque::<AbortHandle>::new();
    let (mut last, mut is_due) = (DialError::UnknownHost, true);
    loop {
        if std::mem::take(&mut is_due)
            && let Some(address) = left.next()
        {
            under_way.retain(|attempt| !attempt.is_finished());
            if under_way.len() >= ATTEMPTS
                && let Some(oldest) = under_way.pop_front()
            {
                oldest.abort();
            }
            under_way.push_back(attempts.spawn(attempt(address)));
        }
        let wait = async {
            match left.len() {
                0 => pending().await,
                _ => sleep(ATTEMPT_DELAY).await,
            }
        };
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(connected))) => return Ok(connected),
                Some(Ok(Err(error))) => (last, is_due) = (last.or(error.into()), true),
                // One that had to make room.
                Some(Err(_)) => {}
                None if left.len() > 0 => is_due = true,
                None => return Err(last),
            },
            () = wait => is_due = true,
        }
    }
}

pub(super) async fn connect(
    permitted: Permitted,
    keepalive: TcpKeepalive,
) -> io::Result<(TcpStream, Permitted)> {
    let address = permitted.address();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Before the connection is there, and bytes come.
    tcp_options::set(SockRef::from(&socket), keepalive);
    let tcp = socket.connect(address).await?;
    if is_connected_to_itself(&tcp) {
        // Nobody listens there.
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok((tcp, permitted))
}

/// Whether both ends are the same: the system has chosen the very port that was dialled, and TCP allows that both ends open at
/// once (RFC 9293 section 3.5). It happens with targets on this machine whose port is one that the system hands out.
pub(super) fn is_connected_to_itself(tcp: &TcpStream) -> bool {
    matches!((tcp.local_addr(), tcp.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}
