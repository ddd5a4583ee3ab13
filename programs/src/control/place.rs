//! Where control sockets are.
//!
//! root looks into folders of others too, who may put there what they like. So a folder is one by itself, no link to another one; who
//! answers in it has to be the user it belongs to; and sockets are removed from own folders only.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use tunnel::state::StateDir;
use tunnel::view::Role;

use super::Whose;

/// Sockets of one folder that are asked: far more proxies than one user runs.
const MOST_SOCKETS: usize = 64;
/// Files of one folder that are looked at: sockets of killed processes may lie about, but nobody is kept busy with a million.
const MOST_FILES: usize = 4_096;

/// The folder in which a proxy of this user makes its socket: made, and for this user alone.
///
/// # Errors
/// None can be had: why, in one sentence.
pub(super) fn folder(state: Option<PathBuf>) -> Result<Folder, String> {
    let mut why = Vec::new();
    for folder in folders(state) {
        match make_private(&folder) {
            Ok(owner) => return Ok(Folder { path: folder, owner }),
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

/// A folder of sockets, and the user that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) owner: u32,
}

impl Folder {
    /// The folder there, if it is one by itself: a link may lead anywhere.
    pub(super) fn find(path: PathBuf) -> Option<Self> {
        let found = fs::symlink_metadata(&path).ok()?;
        found.is_dir().then(|| Self { owner: found.uid(), path })
    }

    pub(super) fn is_own(&self) -> bool {
        self.owner == own_uid()
    }

    /// One that belongs to the user of the folder around it: not what somebody else has put there.
    fn find_within(path: PathBuf) -> Option<Self> {
        let around = Self::find(path.parent()?.to_owned())?;
        Self::find(path).filter(|folder| folder.owner == around.owner)
    }

    /// The sockets in it at which somebody answers. From an own folder those of processes that were killed are removed.
    pub(super) fn sockets(&self) -> Vec<PathBuf> {
        living_in(&self.path, self.is_own())
    }
}

/// The sockets in a folder that the user names, at which somebody answers. It may be a link, but nothing is removed through it.
pub(super) fn sockets_at(path: &Path) -> Vec<PathBuf> {
    living_in(path, Folder::find(path.to_owned()).is_some_and(|folder| folder.is_own()))
}

fn living_in(folder: &Path, removes_stale: bool) -> Vec<PathBuf> {
    let mut sockets = sockets_in(folder);
    sockets.retain(|path| {
        let stale = is_stale(path);
        if stale && removes_stale {
            // Whoever may not remove it cannot use it either.
            let _ = fs::remove_file(path);
        }
        !stale
    });
    sockets.sort();
    sockets.truncate(MOST_SOCKETS);
    sockets
}

/// The folders of this user; for root, who may want all, those of services and of other users too.
pub(super) fn folders_of(whose: Whose) -> Vec<Folder> {
    let mut folders: Vec<_> = folders(None).into_iter().filter_map(Folder::find).collect();
    folders.retain(Folder::is_own);
    if whose == Whose::All && rustix::process::geteuid().is_root() {
        folders.extend(foreign(Path::new("/")));
    }
    folders.sort();
    folders.dedup();
    folders
}

/// Those of services and of other users, below that root of all folders.
fn foreign(root: &Path) -> Vec<Folder> {
    let entries = |folder: &str| fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    // `RuntimeDirectory=paso-exit`, and whatever somebody calls a service of his own.
    let is_service = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b"paso");
    let services = entries("run").filter(|entry| is_service(&entry.file_name()));
    let services = services.map(|entry| entry.path().join("control"));
    let users = entries("run/user").map(|user| user.path().join("paso"));
    let state = root.join("var/lib/paso/control");
    services.chain(users).chain([state]).filter_map(Folder::find_within).collect()
}

/// The sockets in a folder, whoever made them.
fn sockets_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .take(MOST_FILES)
        .filter(|path| path.extension().is_some_and(|extension| extension == "sock"))
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()))
        .collect()
}

/// Whether nobody answers at a socket of this user, and it could be removed.
pub(super) fn remove_if_stale(path: &Path) -> bool {
    let is_own = fs::symlink_metadata(path).is_ok_and(|found| found.uid() == own_uid());
    is_own && is_stale(path) && fs::remove_file(path).is_ok()
}

fn is_stale(path: &Path) -> bool {
    connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// Connects, or fails at once: where somebody listens and takes nobody, waiting would have no end. The stream does not block.
///
/// # Errors
/// [`ErrorKind::ConnectionRefused`]: nobody listens. [`ErrorKind::WouldBlock`]: too many wait already.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let stream = UnixStream::from(rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?);
    stream.set_nonblocking(true)?;
    rustix::net::connect(&stream, &address)?;
    Ok(stream)
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Makes the folder if it is not there; its owner, this user. Nobody else may go into it: until a socket has its mode, that is what protects it.
fn make_private(folder: &Path) -> io::Result<u32> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    let own = found.is_dir() && found.uid() == own_uid();
    if !own || found.mode() & 0o077 != 0 {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "it is not for this user alone (mode 0700)"));
    }
    Ok(found.uid())
}

#[cfg(test)]
mod tests;
