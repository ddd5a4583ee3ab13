//! Where control sockets are.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tunnel::state::StateDir;
use tunnel::view::Role;

/// The folder in which a proxy of this user makes its socket: made, and for this user alone.
///
/// # Errors
/// None can be had: why, in one sentence.
pub(super) fn folder(state: Option<PathBuf>) -> Result<PathBuf, String> {
    let mut why = Vec::new();
    for folder in folders(state) {
        match make_private(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => why.push(format!("{}: {error}", folder.display())),
        }
    }
    if why.is_empty() {
        why.push("neither $XDG_RUNTIME_DIR nor a home says where it could be".into());
    }
    Err(why.join("; "))
}

/// What the socket of this process is called.
pub(super) fn name(role: Role) -> String {
    format!("{}-{}.sock", role.name(), std::process::id())
}

/// Where sockets of this user may be, the best first.
fn folders(state: Option<PathBuf>) -> Vec<PathBuf> {
    let said = |name: &str| {
        let text = std::env::var(name).ok()?;
        // systemd may name several.
        let first = PathBuf::from(text.split(':').next()?);
        (first.is_absolute() && first.is_dir()).then_some(first)
    };
    let runtime = said("XDG_RUNTIME_DIR").map(|folder| folder.join("paso"));
    let service = said("RUNTIME_DIRECTORY").map(|folder| folder.join("control"));
    let state = StateDir::locate(state).ok().map(|state| state.path().join("control"));
    runtime.into_iter().chain(service).chain(state).collect()
}

/// All sockets at which somebody answers, of this user; of root those of services and of other users too.
pub(super) fn sockets() -> Vec<PathBuf> {
    let mut folders = folders(None);
    if rustix::process::geteuid().is_root() {
        folders.push("/run/paso/control".into());
        folders.push("/var/lib/paso/control".into());
        let users = fs::read_dir("/run/user").into_iter().flatten().flatten();
        folders.extend(users.map(|user| user.path().join("paso")));
    }
    folders.sort();
    folders.dedup();
    folders.iter().flat_map(|folder| sockets_in(folder)).collect()
}

/// The sockets in a folder at which somebody answers. Those of processes that were killed are removed.
pub(super) fn sockets_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut sockets: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "sock"))
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()))
        .filter(|path| !remove_if_stale(path))
        .collect();
    sockets.sort();
    sockets
}

/// Whether nobody answered at a socket: then it is gone, if it could be removed.
pub(super) fn remove_if_stale(path: &Path) -> bool {
    let stale = UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
    if stale {
        // Whoever may not remove it cannot use it either.
        let _ = fs::remove_file(path);
    }
    stale
}

/// Makes the folder if it is not there. Nobody else may go into it: until a socket has its mode, that is what protects it.
fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    let own = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    if !own || found.mode() & 0o077 != 0 {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "it is not for this user alone (mode 0700)"));
    }
    Ok(())
}
