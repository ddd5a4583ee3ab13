//! What the state folder asks of Windows. The folder of a user is for that user alone there, so modes are not looked at.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsHandle;
use std::path::Path;

use super::error::{StateError, failed};

/// While it is open others may read the file, and nobody may write to it: `FILE_SHARE_READ`.
const READERS_ONLY: u32 = 1;
/// Somebody has a file open in a way that rules this one out.
const ERROR_SHARING_VIOLATION: i32 = 32;

/// Makes the folder, and those above it, where there is none.
pub(super) fn make_folder(path: &Path) -> Result<(), StateError> {
    match fs::create_dir_all(path) {
        Err(_) if path.exists() && !path.is_dir() => Err(StateError::NoFolder { path: path.into() }),
        result => result.map_err(failed("create", path)),
    }
}

/// Makes one folder.
pub(super) fn new_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Whether there is such a folder; `None` if not.
pub(super) fn check_folder(path: &Path) -> Result<Option<()>, StateError> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Ok(Some(())),
        Ok(_) => Err(StateError::NoFolder { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("look at", path)(error)),
    }
}

/// Opens a file of the state folder to be read.
pub(super) fn open_secret(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// As [`open_secret`], to be overwritten where it is.
pub(super) fn open_to_overwrite(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Makes a file; it must not exist.
pub(super) fn create_secret(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Refuses what is no file.
pub(super) fn check_file(file: &File, path: &Path) -> Result<(), StateError> {
    let found = file.metadata().map_err(failed("look at", path))?;
    if found.is_file() { Ok(()) } else { Err(StateError::NoFile { path: path.into() }) }
}

/// Opens a file that the user names.
pub(super) fn open_given(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// There are no modes.
pub(super) fn check_given(_file: &File, _path: &Path) -> Result<(), StateError> {
    Ok(())
}

/// The standard input, without a buffer that would keep a copy of what is read.
pub(super) fn stdin() -> io::Result<File> {
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

/// Opens a file, made if there is none, and locks it until it is closed, if nobody else has locked it.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    lock_opened(OpenOptions::new().read(true).write(true).create(true), path)
}

/// The same for a file that must exist.
pub(super) fn lock_existing(path: &Path) -> io::Result<Option<File>> {
    lock_opened(OpenOptions::new().read(true).write(true), path)
}

fn lock_opened(options: &mut OpenOptions, path: &Path) -> io::Result<Option<File>> {
    match options.share_mode(READERS_ONLY).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Holds a file that can perhaps only be read open, as others may too: a file that is open so cannot be locked by
/// [`lock`].
pub(super) fn lock_shared(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().read(true).share_mode(READERS_ONLY).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Names in a folder need no care here.
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Which file it is that has a name is not known without opening it.
pub(super) fn file_number(_found: &Metadata) -> u64 {
    0
}
