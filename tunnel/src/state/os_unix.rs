//! What the state folder asks of a Unix system: whose a file is, who may write to it, and who has locked it. The home of
//! what `rustix` has for files.

#[path = "given_unix.rs"]
mod given;
#[cfg_attr(target_os = "linux", path = "mount_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "mount_other.rs")]
mod mount;
#[cfg_attr(target_os = "linux", path = "private_group_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "private_group_other.rs")]
mod private_group;
#[path = "way_unix.rs"]
mod way;

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

pub(super) use self::given::{check_given, open_given};
use self::mount::Mount;
use self::way::{Checks, Way};
use super::error::{Purpose, StateError, failed};

/// Bits of a file's mode that let anybody but its owner do anything.
const OTHERS: u32 = 0o077;
/// Nothing of the state folder is beyond its owner's reach.
const STATE: Checks<'_> = Checks { purpose: Purpose::State, fixed: None };

/// Makes the folder, and those above it, where there is none, each for its owner alone whatever the umask is. One that
/// others could replace is refused, see [`check_folder`].
pub(super) fn make_folder(path: &Path) -> Result<(), StateError> {
    loop {
        match STATE.walk(path)? {
            Way::Folder => return Ok(()),
            Way::File(path) => return Err(StateError::NoFolder { path }),
            Way::Missing(part) => match new_folder(&part) {
                // Another proxy2 was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => result.map_err(failed("create", &part))?,
            },
        }
    }
}

/// Makes one folder for its owner alone.
pub(super) fn new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Whether there is such a folder; `None` if not. One that others could replace is refused, as OpenSSH does
/// (`StrictModes`): every part of its path belongs to this user or root, and nobody else may write to it. A group that nobody else
/// is in may, as with Debian's OpenSSH.
pub(super) fn check_folder(path: &Path) -> Result<Option<()>, StateError> {
    match STATE.walk(path)? {
        Way::Folder => Ok(Some(())),
        Way::File(path) => Err(StateError::NoFolder { path }),
        Way::Missing(_) => Ok(None),
    }
}

/// Opens a file of the state folder to be read: not through a symbolic link, and without waiting if it is a pipe.
pub(super) fn open_secret(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags()).open(path)
}

/// As [`open_secret`], to be overwritten where it is.
pub(super) fn open_to_overwrite(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).custom_flags(flags()).open(path)
}

/// Makes a file that its owner alone can read; it must not exist.
pub(super) fn create_secret(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

/// Refuses what is no file, not this user's, or not for its owner alone. What whoever runs a container has put in its place from
/// outside, say a secret of Docker's as `server.key`, has an owner and a mode that cannot be changed here, see [`Mount`].
pub(super) fn check_file(file: &File, path: &Path) -> Result<(), StateError> {
    let found = file.metadata().map_err(failed("look at", path))?;
    if !found.is_file() {
        return Err(StateError::NoFile { path: path.into() });
    }
    let mount = Mount::from_outside(file);
    if !mount.as_ref().is_some_and(Mount::is_read_only) {
        STATE.check_owner(&found, path)?;
    }
    let is_exposed = found.mode() & OTHERS != 0 && !mount.is_some_and(|mount| mount.is_for_secrets(&found));
    if is_exposed { Err(StateError::Exposed { path: path.into() }) } else { Ok(()) }
}

/// The standard input, without a buffer that would keep a copy of what is read.
pub(super) fn stdin() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// Opens a file, made if there is none, and locks it until it is closed, if nobody else has locked it.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    lock_opened(OpenOptions::new().read(true).write(true).create(true).mode(0o600), path)
}

/// The same for a file that must exist.
pub(super) fn lock_existing(path: &Path) -> io::Result<Option<File>> {
    lock_opened(OpenOptions::new().read(true).write(true), path)
}

fn lock_opened(options: &mut OpenOptions, path: &Path) -> io::Result<Option<File>> {
    let file = options.custom_flags(flags()).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Locks a file that can perhaps only be read, together with others who do the same. `None` if somebody has it alone.
pub(super) fn lock_shared(path: &Path) -> io::Result<Option<File>> {
    let file = open_secret(path)?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes sure that the names in a folder survive a crash.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Which file it is that has a name: another one after it was replaced.
pub(super) fn file_number(found: &Metadata) -> u64 {
    found.ino()
}
