//! What is asked of the system for each TCP connection, those with clients and those with targets alike.

use std::net::Shutdown;
use std::time::Duration;

use socket2::SockRef;

/// Whether and when a connection without traffic is checked.
///
/// A machine that vanishes, by a loss of power or a new address, ends nothing: without this its connection, its stream and
/// its descriptor would stay for ever. Where bytes are under way the system finds out by itself, Linux in about 15 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpKeepalive {
    /// Never.
    Off,
    /// After this time without traffic, 1 s to 9 h. Without an answer it is ended after another one and a half of it, 6 s at the least.
    After(Duration),
}

impl TcpKeepalive {
    /// Checks without an answer that end a connection: a short interruption loses several of them and not the connection.
    const COUNT: u32 = 6;
    /// The time between two checks, as a part of the time before the first.
    const PART: u32 = 4;
    /// The shortest time that systems know.
    pub const LEAST: Duration = Duration::from_secs(1);
    /// The longest that the parser takes: Linux knows no more than 32,767 s.
    pub const MOST: Duration = Duration::from_secs(9 * 3_600);

    /// What the system is told, if anything. Those that know only the time before the first check have their own for the rest.
    fn checks(self) -> Option<socket2::TcpKeepalive> {
        let Self::After(idle) = self else { return None };
        let checks = socket2::TcpKeepalive::new().with_time(idle);
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_vendor = "apple",
            target_os = "freebsd",
            windows
        ))]
        let checks = checks.with_interval((idle / Self::PART).max(Self::LEAST)).with_retries(Self::COUNT);
        Some(checks)
    }
}

impl Default for TcpKeepalive {
    /// A minute: a vanished machine is found in two and a half, and a check a minute costs an idle connection nothing that shows.
    fn default() -> Self {
        Self::After(Duration::from_secs(60))
    }
}

/// Sets up a connection. What fails is an option that the system does not have: the connection works without it.
///
/// From now on it ends with RST, unless [`end_in_order`] says otherwise: also if this process dies, for the system closes what a
/// process leaves, and a FIN would make what was cut off look whole.
pub(crate) fn set(tcp: SockRef<'_>, keepalive: TcpKeepalive) {
    let _ = tcp.set_linger(Some(Duration::ZERO));
    // Small writes of the application are small packets at once.
    let _ = tcp.set_tcp_nodelay(true);
    keep_urgent_data(&tcp);
    if let Some(checks) = keepalive.checks() {
        let _ = tcp.set_tcp_keepalive(&checks);
    }
}

/// Sends FIN: nothing more will come. What the system still has is delivered, whatever becomes of this process.
pub(crate) fn end_in_order(tcp: &SockRef<'_>) {
    // Both fail only on a connection that is over.
    let _ = tcp.shutdown(Shutdown::Write);
    let _ = tcp.set_linger(None);
}

/// Leaves urgent data where it stands among the other bytes. Without this it would be taken out, and nobody asks for it.
/// A listener's connections have it from the listener: bytes may come before they are accepted.
pub(crate) fn keep_urgent_data(tcp: &SockRef<'_>) {
    let _ = tcp.set_out_of_band_inline(true);
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};

    fn socket_with(keepalive: TcpKeepalive) -> Socket {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        set(SockRef::from(&socket), keepalive);
        socket
    }

    #[test]
    fn a_vanished_machine_is_found_in_two_to_three_minutes() {
        let socket = socket_with(TcpKeepalive::default());
        assert!(socket.keepalive().unwrap());
        if cfg!(target_os = "linux") {
            let idle = socket.tcp_keepalive_time().unwrap();
            let rest = socket.tcp_keepalive_interval().unwrap() * socket.tcp_keepalive_retries().unwrap();
            assert_eq!(idle, Duration::from_secs(60));
            assert_eq!(idle + rest, Duration::from_secs(150));
        }
    }

    #[test]
    fn the_shortest_and_the_longest_are_taken() {
        for idle in [TcpKeepalive::LEAST, TcpKeepalive::MOST] {
            let socket = socket_with(TcpKeepalive::After(idle));
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), idle);
        }
    }

    #[test]
    fn off_leaves_the_rest() {
        let socket = socket_with(TcpKeepalive::Off);
        assert!(!socket.keepalive().unwrap());
        assert!(socket.out_of_band_inline().unwrap() && socket.tcp_nodelay().unwrap());
    }
}
