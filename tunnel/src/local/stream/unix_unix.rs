//! Unix sockets.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};
pub(crate) use tokio::net::{UnixListener, UnixStream};

super::socket::socket!(UnixStream);

/// Makes a Unix socket at `path`, for its owner alone, and listens. One that nobody listens on any more gives way; the file is
/// left when the listener ends, for the next one to find.
///
/// # Errors
/// `AddrInUse`: somebody listens there, or the file is no socket. Those of making it.
pub(crate) fn bind_unix(path: &Path, backlog: i32) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = SockAddr::unix(path)?;
    if let Err(error) = socket.bind(&address) {
        if error.kind() != io::ErrorKind::AddrInUse || !is_left_behind(path, &address) {
            return Err(error);
        }
        fs::remove_file(path)?;
        socket.bind(&address)?;
    }
    // Before anybody can connect, which takes `listen`.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    socket.listen(backlog)?;
    UnixListener::from_std(socket.into())
}

/// Whether the file is a socket that nobody listens on.
fn is_left_behind(path: &Path, address: &SockAddr) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)
    };
    is_socket && connect().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
