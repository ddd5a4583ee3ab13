//! A name that was looked at. Here nothing keeps whoever may write to its folder from putting another file in its place at once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A name to connect to.
#[derive(Debug)]
pub(super) struct Fixed(PathBuf);

impl Fixed {
    /// Whatever is found at this path.
    pub(super) fn path(path: &Path) -> Self {
        Self(path.into())
    }

    /// What is at this path; `None` if that is a symbolic link.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be looked at.
    pub(super) fn socket(path: &Path) -> io::Result<Option<Self>> {
        let found = fs::symlink_metadata(path)?;
        Ok((!found.is_symlink()).then(|| Self::path(path)))
    }

    /// The name.
    pub(super) fn name(&self) -> &Path {
        &self.0
    }
}
