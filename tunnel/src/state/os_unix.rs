//! What the state folder asks of a Unix system: whose a file is, who may write to it, and who has locked it. The home of
//! what `rustix` has for files.

#[cfg_attr(target_os = "linux", path = "private_group_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "private_group_other.rs")]
mod private_group;
#[path = "way_unix.rs"]
mod way;

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use self::way::{Way, check_owner, walk};
use super::error::{StateError, failed};

/// Bits of a file's mode that let anybody but its owner do anything.
const OTHERS: u32 = 0o077;

/// Makes the folder, and those above it, where there is none, each for its owner alone whatever the umask is. One that
/// others could replace is refused, see [`check_folder`].
pub(super) fn make_folder(path: &Path) -> Result<(), StateError> {
    while let Way::Missing(part) = walk(path)? {
        match new_folder(&part) {
            // Another proxy2 was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result.map_err(failed("create", &part))?,
        }
    }
    Ok(())
}

/// Makes one folder for its owner alone.
pub(super) fn new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Whether there is such a folder; `None` if not. One that others could replace is refused, as OpenSSH does
/// (`StrictModes`): every part of its path belongs to this user or root, and nobody else may write to it. A group that nobody else
/// is in may, as with Debian's OpenSSH.
pub(super) fn check_folder(path: &Path) -> Result<Option<()>, StateError> {
    Ok(match walk(path)? {
        Way::Whole => Some(()),
        Way::Missing(_) => None,
    })
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

/// Refuses what is no file, not this user's, or not for its owner alone.
pub(super) fn check_file(file: &File, path: &Path) -> Result<(), StateError> {
    let found = file.metadata().map_err(failed("look at", path))?;
    if !found.is_file() {
        return Err(StateError::NoFile { path: path.into() });
    }
    check_owner(&found, path)?;
    check_mode(file, path)
}

/// Refuses a file that others can read.
pub(super) fn check_mode(file: &File, path: &Path) -> Result<(), StateError> {
    let found = file.metadata().map_err(failed("look at", path))?;
    // What is no file, like the pipe of a shell's `<(…)`, is not there for others to read.
    let is_exposed = found.is_file() && found.mode() & OTHERS != 0;
    if is_exposed { Err(StateError::Exposed { path: path.into() }) } else { Ok(()) }
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
