//! What the state folder asks of a Unix system: whose a file is, who may write to it, and who has locked it. The home of
//! what `rustix` has for files.

#[cfg_attr(target_os = "linux", path = "private_group_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "private_group_other.rs")]
mod private_group;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::error::{StateError, failed};

/// Bits of a file's mode that let anybody but its owner do anything.
const OTHERS: u32 = 0o077;
/// Write permission for the group.
const GROUP_WRITE: u32 = 0o020;
/// Write permission for all.
const ALL_WRITE: u32 = 0o002;
/// In such a folder nobody can rename or delete what belongs to another user.
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

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

/// How far a path leads.
enum Way {
    Whole,
    /// This part of it, with symbolic links resolved, does not exist.
    Missing(PathBuf),
}

/// Goes to a folder part by part, through symbolic links, and looks at each.
fn walk(path: &Path) -> Result<Way, StateError> {
    /// As many symbolic links as Linux follows.
    const LINKS: u32 = 40;
    let path = std::path::absolute(path).map_err(failed("look at", path))?;
    let (mut at, mut rest, mut links) = (PathBuf::from("/"), parts(&path), 0);
    let mut found = fs::symlink_metadata(&at).map_err(failed("look at", &at))?;
    check_owner(&found, &at)?;
    while let Some(part) = rest.pop_front() {
        check_ancestor(&found, &at)?;
        if part == ".." {
            at.pop();
        } else {
            at.push(part);
        }
        found = match fs::symlink_metadata(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Way::Missing(at)),
            result => result.map_err(failed("look at", &at))?,
        };
        check_owner(&found, &at)?;
        if found.is_symlink() {
            links += 1;
            let target = if links > LINKS { Err(Errno::LOOP.into()) } else { fs::read_link(&at) };
            let mut ahead = parts(&target.map_err(failed("look at", &at))?);
            ahead.append(&mut rest);
            rest = ahead;
            at.pop();
            found = fs::symlink_metadata(&at).map_err(failed("look at", &at))?;
        } else if !found.is_dir() {
            return Err(StateError::NoFolder { path: at });
        }
    }
    check_writers(&found, &at).map(|()| Way::Whole)
}

/// The parts of a path that are still to go; an absolute one begins with the root.
fn parts(path: &Path) -> VecDeque<OsString> {
    let part = |component: Component<'_>| match component {
        Component::CurDir | Component::Prefix(_) => None,
        Component::RootDir => Some("/".into()),
        Component::ParentDir => Some("..".into()),
        Component::Normal(name) => Some(name.to_owned()),
    };
    path.components().filter_map(part).collect()
}

fn check_owner(found: &Metadata, path: &Path) -> Result<(), StateError> {
    let owner = found.uid();
    let trusted = owner == ROOT || owner == rustix::process::geteuid().as_raw();
    if trusted { Ok(()) } else { Err(StateError::Foreign { path: path.into(), owner }) }
}

/// Whether others could rename or delete what is in a folder.
fn check_ancestor(found: &Metadata, path: &Path) -> Result<(), StateError> {
    if found.mode() & STICKY != 0 && found.uid() == ROOT { Ok(()) } else { check_writers(found, path) }
}

/// Whether others may write to a folder.
fn check_writers(found: &Metadata, path: &Path) -> Result<(), StateError> {
    let path = || path.into();
    if found.mode() & ALL_WRITE != 0 {
        return Err(StateError::Open { path: path() });
    }
    if found.mode() & GROUP_WRITE != 0 && !private_group::is_private(found, &path()) {
        return Err(StateError::OpenToGroup { path: path(), group: found.gid() });
    }
    Ok(())
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
