//! Whether others could put something else in the place of what a path leads to, as OpenSSH's `StrictModes` asks.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use super::private_group;
use crate::state::error::{StateError, failed};

/// Write permission for the group.
const GROUP_WRITE: u32 = 0o020;
/// Write permission for all.
const ALL_WRITE: u32 = 0o002;
/// In such a folder nobody can rename or delete what belongs to another user.
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// How far a path leads.
pub(super) enum Way {
    Whole,
    /// This part of it, with symbolic links resolved, does not exist.
    Missing(PathBuf),
}

/// Goes to a folder part by part, through symbolic links, and looks at each.
pub(super) fn walk(path: &Path) -> Result<Way, StateError> {
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

pub(super) fn check_owner(found: &Metadata, path: &Path) -> Result<(), StateError> {
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
