//! Whether others could put something else in the place of what a path leads to, as OpenSSH's `StrictModes` asks.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use super::private_group;
use crate::state::error::{Purpose, StateError, failed};

/// Write permission for the group.
const GROUP_WRITE: u32 = 0o020;
/// Write permission for all.
const ALL_WRITE: u32 = 0o002;
/// In such a folder nobody can rename or delete what belongs to another user.
const STICKY: u32 = 0o1000;
/// Permission to go through a folder to what is in it, for the group.
const GROUP_ENTER: u32 = 0o010;
/// The same for all.
const ALL_ENTER: u32 = 0o001;
pub(super) const ROOT: u32 = 0;

/// Where a path leads.
pub(super) enum Way {
    Folder,
    /// To something else than a folder: its path without symbolic links.
    File(PathBuf),
    /// This part of it, with symbolic links resolved, does not exist.
    Missing(PathBuf),
}

/// What is asked of each part of a path.
#[derive(Clone, Copy)]
pub(super) struct Checks<'a> {
    /// What the path is for.
    pub(super) purpose: Purpose,
    /// Nothing is asked of what is here or below: nobody can change it.
    pub(super) fixed: Option<&'a Path>,
}

impl Checks<'_> {
    /// Goes along a path part by part, through symbolic links, and looks at each.
    pub(super) fn walk(self, path: &Path) -> Result<Way, StateError> {
        /// As many symbolic links as Linux follows.
        const LINKS: u32 = 40;
        let path = std::path::absolute(path).map_err(failed("look at", path))?;
        let (mut at, mut rest, mut links) = (PathBuf::from("/"), parts(&path), 0);
        let mut found = fs::symlink_metadata(&at).map_err(failed("look at", &at))?;
        self.check_owner(&found, &at)?;
        while let Some(part) = rest.pop_front() {
            self.check_ancestor(&found, &at)?;
            if part == ".." {
                at.pop();
            } else {
                at.push(part);
            }
            found = match fs::symlink_metadata(&at) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Way::Missing(at)),
                result => result.map_err(failed("look at", &at))?,
            };
            self.check_owner(&found, &at)?;
            if found.is_symlink() {
                links += 1;
                let target = if links > LINKS { Err(Errno::LOOP.into()) } else { fs::read_link(&at) };
                let mut ahead = parts(&target.map_err(failed("look at", &at))?);
                ahead.append(&mut rest);
                rest = ahead;
                at.pop();
                found = fs::symlink_metadata(&at).map_err(failed("look at", &at))?;
            } else if !found.is_dir() {
                return if rest.is_empty() {
                    Ok(Way::File(at))
                } else {
                    Err(StateError::NoFolder { path: at })
                };
            }
        }
        self.check_writers(&found, &at).map(|()| Way::Folder)
    }

    pub(super) fn check_owner(self, found: &Metadata, path: &Path) -> Result<(), StateError> {
        let owner = found.uid();
        let trusted = owner == ROOT || owner == rustix::process::geteuid().as_raw() || self.is_fixed(path);
        let foreign = || StateError::Foreign { path: path.into(), owner, purpose: self.purpose };
        if trusted { Ok(()) } else { Err(foreign()) }
    }

    /// Whether others could rename or delete what is in a folder.
    fn check_ancestor(self, found: &Metadata, path: &Path) -> Result<(), StateError> {
        let is_sticky = found.mode() & STICKY != 0 && found.uid() == ROOT;
        if is_sticky { Ok(()) } else { self.check_writers(found, path) }
    }

    /// Whether others may write to a folder.
    fn check_writers(self, found: &Metadata, path: &Path) -> Result<(), StateError> {
        let purpose = self.purpose;
        if self.is_fixed(path) {
            return Ok(());
        }
        if found.mode() & ALL_WRITE != 0 {
            return Err(StateError::Open { path: path.into(), purpose });
        }
        if found.mode() & GROUP_WRITE != 0 && !private_group::is_private(found, path) {
            return Err(StateError::OpenToGroup { path: path.into(), group: found.gid(), purpose });
        }
        Ok(())
    }

    fn is_fixed(self, path: &Path) -> bool {
        self.fixed.is_some_and(|fixed| path.starts_with(fixed))
    }
}

/// Whether nobody but this user and root may enter a folder, and so reach anything below it.
pub(super) fn is_closed(found: &Metadata, path: &Path) -> bool {
    found.mode() & ALL_ENTER == 0
        && (found.mode() & GROUP_ENTER == 0 || private_group::is_private(found, path))
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
