//! A name that goes on meaning the file that was looked at: the one of its descriptor below `/proc`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// A name to connect to.
#[derive(Debug)]
pub(super) struct Fixed {
    name: PathBuf,
    _file: Option<File>,
}

impl Fixed {
    /// Whatever is found at this path.
    pub(super) fn path(path: &Path) -> Self {
        Self { name: path.into(), _file: None }
    }

    /// The socket at this path; `None` if something else is there, as a symbolic link.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be looked at.
    pub(super) fn socket(path: &Path) -> io::Result<Option<Self>> {
        let file = rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let file = File::from(file);
        let name = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let is_socket = file.metadata()?.file_type().is_socket();
        Ok(is_socket.then_some(Self { name, _file: Some(file) }))
    }

    /// The name.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }
}
