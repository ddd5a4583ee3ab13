//! Unix sockets.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode};
use socket2::{Domain, SockAddr, Socket, Type};
pub(crate) use tokio::net::UnixStream;
use tokio::task::spawn_blocking;

super::socket::socket!(UnixStream);

/// A listener, which removes its file when it ends: before it stops listening, so that nobody else can have put another there.
#[derive(Debug)]
pub(crate) struct UnixListener {
    _file: SocketFile,
    listener: tokio::net::UnixListener,
}

/// The file of a listener.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Its device and its number there; `None`: that could not be read, and it stays.
    identity: Option<(u64, u64)>,
}

impl UnixListener {
    /// The next connection.
    pub(crate) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, tokio::net::unix::SocketAddr)>> {
        self.listener.poll_accept(cx)
    }
}

impl SocketFile {
    fn new(path: PathBuf) -> Self {
        let identity = Self::identity(&path);
        Self { path, identity }
    }

    fn identity(path: &Path) -> Option<(u64, u64)> {
        fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have been moved, and another be in its place.
        if self.identity.is_some() && self.identity == Self::identity(&self.path) {
            // What cannot be removed is found by the next start as one that was left behind.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a Unix socket at `path`, for its owner alone, and listens. One that nobody listens on any more, as after a crash, gives way.
/// Waits for a moment for another program that does the same in this folder.
///
/// # Errors
/// `AddrInUse`: somebody listens there, or the file is no socket. Those of making it.
pub(crate) async fn bind_unix(path: &Path, backlog: i32) -> io::Result<UnixListener> {
    let path = path.to_owned();
    let bound =
        spawn_blocking(move || bind(&path, backlog).map(|socket| (SocketFile::new(path), socket))).await;
    let (file, socket) = bound.map_err(io::Error::other)??;
    Ok(UnixListener { _file: file, listener: tokio::net::UnixListener::from_std(socket)? })
}

/// Connects to the Unix socket at `path`.
///
/// # Errors
/// `WouldBlock`: as many wait there as it lets wait. Those of connecting.
pub(crate) async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

fn bind(path: &Path, backlog: i32) -> io::Result<std::os::unix::net::UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // Linux gives the file the mode of the socket. By its name another file could be meant when the mode is set.
    let has_mode = rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR).is_ok() && cfg!(target_os = "linux");
    let address = SockAddr::unix(path)?;
    // A socket that is bound and does not listen yet looks like one that was left behind.
    let _lock = lock_folder(path);
    if let Err(error) = socket.bind(&address) {
        if error.kind() != io::ErrorKind::AddrInUse || !is_left_behind(path, &address) {
            return Err(error);
        }
        fs::remove_file(path)?;
        socket.bind(&address)?;
    }
    // Before anybody can connect, which takes `listen`.
    let ready = if has_mode { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(0o600)) };
    ready.and_then(|()| socket.listen(backlog)).inspect_err(|_| {
        // It is of no use to anybody; if it cannot be removed the next start does it.
        let _ = fs::remove_file(path);
    })?;
    Ok(socket.into())
}

/// Keeps other programs like this one from looking for sockets that were left behind in the same folder. `None` after a second:
/// whoever else may lock the folder must not keep this program from starting.
fn lock_folder(path: &Path) -> Option<File> {
    /// How often, and how long in between.
    const TRIES: (u32, Duration) = (100, Duration::from_millis(10));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = File::open(parent.unwrap_or_else(|| Path::new("."))).ok()?;
    for _ in 0..TRIES.0 {
        if rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Some(folder);
        }
        std::thread::sleep(TRIES.1);
    }
    None
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
