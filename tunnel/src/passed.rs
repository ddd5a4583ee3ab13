//! Sockets that the process was started with: a service manager has bound them and keeps them while the process restarts, so that
//! what arrives meanwhile waits in them. Whoever is to listen at the address of one takes that one and binds nothing.
//!
//! A process that takes over from another gets that one's sockets in the same way: [`lend_udp`], [`lend_tcp`] and [`lent`] are the other
//! end of it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::SockRef;

/// Those of the process. They stay here, so that a session that begins again finds them again.
static PASSED: Mutex<Vec<Passed>> = Mutex::new(Vec::new());

/// Those of this process that the one that follows it gets, by the number of their [`Lent`].
static LENT: Mutex<BTreeMap<u64, PassedSocket>> = Mutex::new(BTreeMap::new());

fn all_lent() -> MutexGuard<'static, BTreeMap<u64, PassedSocket>> {
    LENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that the next process may have, until this is dropped.
#[derive(Debug)]
pub struct Lent(u64);

impl Lent {
    fn new(socket: PassedSocket) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        all_lent().insert(number, socket);
        Self(number)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        all_lent().remove(&self.0);
    }
}

/// A UDP socket for the process that follows this one.
///
/// # Errors
/// Those of `dup`.
pub fn lend_udp(socket: &UdpSocket) -> io::Result<Lent> {
    Ok(Lent::new(PassedSocket::Udp(socket.try_clone()?)))
}

/// A listener for the process that follows this one.
///
/// # Errors
/// Those of `dup`.
pub fn lend_tcp(listener: &TcpListener) -> io::Result<Lent> {
    Ok(Lent::new(PassedSocket::Tcp(listener.try_clone()?)))
}

/// All that the process that follows this one gets, in the order in which they were lent.
///
/// # Errors
/// Those of `dup`.
pub fn lent() -> io::Result<Vec<PassedSocket>> {
    let clone = |socket: &PassedSocket| {
        Ok(match socket {
            PassedSocket::Udp(udp) => PassedSocket::Udp(udp.try_clone()?),
            PassedSocket::Tcp(tcp) => PassedSocket::Tcp(tcp.try_clone()?),
        })
    };
    all_lent().values().map(clone).collect()
}

fn all() -> MutexGuard<'static, Vec<Passed>> {
    // Nothing panics with the lock, and any state of it is a valid one.
    PASSED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that was passed.
#[derive(Debug)]
pub struct Passed {
    socket: PassedSocket,
    address: SocketAddr,
    /// It takes nothing of IPv4 (`IPV6_V6ONLY`).
    only_v6: bool,
    is_used: AtomicBool,
}

/// Of which kind it is.
#[derive(Debug)]
pub enum PassedSocket {
    /// For the datagrams of links.
    Udp(UdpSocket),
    /// For the clients of a forward.
    Tcp(TcpListener),
}

impl Passed {
    /// A bound socket.
    ///
    /// # Errors
    /// Those of `getsockname` and `getsockopt`.
    pub fn new(socket: PassedSocket) -> io::Result<Self> {
        let address = match &socket {
            PassedSocket::Udp(udp) => udp.local_addr()?,
            PassedSocket::Tcp(tcp) => tcp.local_addr()?,
        };
        let options = match &socket {
            PassedSocket::Udp(udp) => SockRef::from(udp),
            PassedSocket::Tcp(tcp) => SockRef::from(tcp),
        };
        let only_v6 = address.is_ipv6() && options.only_v6()?;
        Ok(Self { socket, address, only_v6, is_used: AtomicBool::new(false) })
    }

    /// Whether it takes all that a socket at `wanted` would take, and nothing else.
    fn is_at(&self, wanted: SocketAddr) -> bool {
        let same_port = wanted.port() == self.address.port();
        // All addresses of both families are all of one, too.
        let any = |ip: IpAddr| ip.is_unspecified();
        let of_both = !self.only_v6 && self.address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let same_ip =
            self.address.ip().to_canonical() == wanted.ip().to_canonical() || (of_both && any(wanted.ip()));
        same_port && same_ip
    }

    /// Whether the system would refuse to bind `wanted` because of it.
    fn is_in_the_way_of(&self, wanted: SocketAddr) -> bool {
        let any = |address: SocketAddr| {
            [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)].contains(&address.ip())
        };
        let never_meet = self.only_v6 && wanted.is_ipv4();
        self.address.port() == wanted.port()
            && !never_meet
            && (any(self.address) || any(wanted) || self.address.ip() == wanted.ip())
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.socket {
            PassedSocket::Udp(_) => "UDP",
            PassedSocket::Tcp(_) => "TCP",
        };
        write!(f, "{kind} {}", self.address)
    }
}

/// Gives the process its sockets, once, at the start.
pub fn give(sockets: Vec<Passed>) {
    all().extend(sockets);
}

/// Forgets those that nobody has taken: they would take what nobody reads.
pub fn forget_unused() {
    all().retain(|passed| passed.is_used.load(Ordering::Relaxed));
}

/// Those that nobody has taken yet, in words; `None`: all are used.
pub fn unused() -> Option<String> {
    let all = all();
    let unused = all.iter().filter(|passed| !passed.is_used.load(Ordering::Relaxed));
    let unused: Vec<_> = unused.map(Passed::to_string).collect();
    (!unused.is_empty()).then(|| unused.join(", "))
}

/// The UDP socket that was passed for this address.
///
/// # Errors
/// One is in the way of this address and not at it; those of `dup`.
pub(crate) fn udp(wanted: SocketAddr) -> io::Result<Option<UdpSocket>> {
    take(wanted, |socket| match socket {
        PassedSocket::Udp(udp) => Some(udp.try_clone()),
        PassedSocket::Tcp(_) => None,
    })
}

/// The TCP listener that was passed for this address.
///
/// # Errors
/// As for [`udp`].
pub(crate) fn tcp(wanted: SocketAddr) -> io::Result<Option<TcpListener>> {
    take(wanted, |socket| match socket {
        PassedSocket::Tcp(tcp) => Some(tcp.try_clone()),
        PassedSocket::Udp(_) => None,
    })
}

fn take<T>(
    wanted: SocketAddr,
    of_kind: impl Fn(&PassedSocket) -> Option<io::Result<T>>,
) -> io::Result<Option<T>> {
    let all = all();
    let mut other = None;
    for passed in &*all {
        if passed.is_at(wanted)
            && let Some(socket) = of_kind(&passed.socket)
        {
            passed.is_used.store(true, Ordering::Relaxed);
            return socket.map(Some);
        }
        if passed.is_in_the_way_of(wanted) && of_kind(&passed.socket).is_some() {
            other = Some(passed.to_string());
        }
    }
    match other {
        Some(other) => Err(io::Error::other(format!(
            "the service manager passed {other}, or the proxy2 before this one; let its socket unit and this program name the same address"
        ))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::*;

    fn passed(address: &str, only_v6: bool) -> Passed {
        let socket = PassedSocket::Udp(UdpSocket::bind("127.0.0.1:0").unwrap());
        Passed { address: address.parse().unwrap(), only_v6, ..Passed::new(socket).unwrap() }
    }

    #[test]
    fn a_socket_stands_for_what_it_takes_and_for_nothing_else() {
        for (address, wanted, is_at, is_in_the_way) in [
            ("127.0.0.1:5000", "127.0.0.1:5000", true, true),
            ("127.0.0.1:5000", "127.0.0.1:5001", false, false),
            ("127.0.0.1:5000", "192.0.2.1:5000", false, false),
            ("127.0.0.1:5000", "0.0.0.0:5000", false, true),
            ("[::]:5000", "[::]:5000", true, true),
            ("[::]:5000", "0.0.0.0:5000", true, true),
            ("[::]:5000", "127.0.0.1:5000", false, true),
            ("0.0.0.0:5000", "[::]:5000", false, true),
            ("[::1]:5000", "[::1]:5000", true, true),
        ] {
            let passed = passed(address, false);
            let wanted: SocketAddr = wanted.parse().unwrap();
            assert_eq!(passed.is_at(wanted), is_at, "{address} {wanted}");
            assert_eq!(passed.is_in_the_way_of(wanted), is_in_the_way, "{address} {wanted}");
        }
    }

    #[test]
    fn one_that_takes_nothing_of_ipv4_does_not_stand_for_it() {
        for (wanted, is_at, is_in_the_way) in [
            ("[::]:5000", true, true),
            ("[::1]:5000", false, true),
            ("0.0.0.0:5000", false, false),
            ("127.0.0.1:5000", false, false),
        ] {
            let (passed, wanted) = (passed("[::]:5000", true), wanted.parse().unwrap());
            assert_eq!(passed.is_at(wanted), is_at, "{wanted}");
            assert_eq!(passed.is_in_the_way_of(wanted), is_in_the_way, "{wanted}");
        }
        for only_v6 in [false, true] {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
            socket.set_only_v6(only_v6).unwrap();
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
            let passed = Passed::new(PassedSocket::Udp(socket.into())).unwrap();
            let wanted = SocketAddr::from((Ipv4Addr::UNSPECIFIED, passed.address.port()));
            assert_eq!(passed.is_at(wanted), !only_v6);
            assert_eq!(
                UdpSocket::bind(wanted).is_err(),
                passed.is_in_the_way_of(wanted),
                "as the system says"
            );
        }
    }

    #[test]
    fn it_is_taken_by_its_kind_and_address_again_and_again() {
        let one = Passed::new(PassedSocket::Udp(UdpSocket::bind("127.0.0.1:0").unwrap())).unwrap();
        let (address, text) = (one.address, one.to_string());
        give(vec![one]);
        assert!(unused().is_some_and(|unused| unused.contains(&text)));
        assert!(tcp(address).unwrap().is_none(), "it is no listener");
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
        let error = udp(everywhere).unwrap_err().to_string();
        assert!(error.contains(&text) && error.contains("the same address"), "{error}");
        for _ in 0..2 {
            assert_eq!(udp(address).unwrap().unwrap().local_addr().unwrap(), address);
        }
        assert!(unused().is_none());
    }
}
