//! The socket of the service manager.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::net::UnixDatagram as StdDatagram;

use rustix::time::{ClockId, clock_gettime};
use tokio::net::UnixDatagram;

/// A socket that is connected to the manager's.
#[derive(Debug)]
pub(super) struct ManagerSocket(UnixDatagram);

impl ManagerSocket {
    /// That of the manager that started this process, if one did.
    ///
    /// # Errors
    /// The manager's socket is not there.
    pub(super) fn of_process() -> io::Result<Option<Self>> {
        let place = env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty());
        place.map(|place| connect(&place)).transpose()
    }

    /// Sends assignments, one a line; waits while the manager has no room for it. Cancel safe.
    ///
    /// # Errors
    /// The manager is gone.
    pub(super) async fn send(&self, text: &str) -> io::Result<()> {
        self.0.send(text.as_bytes()).await.map(drop)
    }
}

fn connect(place: &OsStr) -> io::Result<ManagerSocket> {
    let socket = StdDatagram::unbound()?;
    connect_to(&socket, place)?;
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket).map(ManagerSocket)
}

/// A path, or the name of an abstract socket after `@`.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn connect_to(socket: &StdDatagram, place: &OsStr) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    match place.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?),
        None => socket.connect(place),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn connect_to(socket: &StdDatagram, place: &OsStr) -> io::Result<()> {
    socket.connect(place)
}

/// The time of the system's monotonic clock, in microseconds.
pub(super) fn monotonic_usec() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000)
}
