//! Files that hold secrets: who may read them, and that they are whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::StateError;

/// Bits of a file's mode that let anybody but its owner do anything.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Makes the folder, and those above it, where there is none. One that exists and lets others write is refused: they
/// could put another key in place.
pub(super) fn make_folder(path: &Path) -> Result<(), StateError> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).map_err(failed("create", above))?;
    }
    match new_folder(path) {
        Err(_) if path.exists() && !path.is_dir() => Err(StateError::NoFolder { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_folder(path),
        result => result.map_err(failed("create", path)),
    }
}

#[cfg(unix)]
fn new_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn new_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(unix)]
fn check_folder(path: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::MetadataExt;
    /// Write permission for the group and for all.
    const WRITE: u32 = 0o022;
    let mode = fs::metadata(path).map_err(failed("look at", path))?.mode();
    if mode & WRITE == 0 { Ok(()) } else { Err(StateError::Open { path: path.into() }) }
}

#[cfg(not(unix))]
fn check_folder(_path: &Path) -> Result<(), StateError> {
    Ok(())
}

/// The text of a secret file; `None` if there is no such file.
pub(super) fn read_secret(path: &Path) -> Result<Option<Zeroizing<String>>, StateError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    check_mode(&file, path)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(|error| {
        let is_text = error.kind() != io::ErrorKind::InvalidData;
        if is_text { failed("read", path)(error) } else { StateError::NoText { path: path.into() } }
    })?;
    Ok(Some(text))
}

#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::MetadataExt;
    let found = file.metadata().map_err(failed("look at", path))?;
    // What is no file, like the pipe of a shell's `<(…)`, is not there for others to read.
    if found.is_file() && found.mode() & OTHERS != 0 {
        return Err(StateError::Exposed { path: path.into() });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_file: &File, _path: &Path) -> Result<(), StateError> {
    Ok(())
}

/// Writes a secret file that must not exist yet, whole or not at all.
pub(super) fn create_secret(path: &Path, text: &str) -> Result<(), StateError> {
    let mut file = open_new(path).map_err(failed("create", path))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Part of a key, left behind, would stop every start from now on.
        let _ = fs::remove_file(path);
        failed("write", path)(error)
    })
}

/// Renames a file, if there is one, to its name with `.old` behind it.
pub(super) fn put_aside(path: &Path) -> Result<(), StateError> {
    match fs::rename(path, path.with_extension("old")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("rename", path)(error)),
        _ => Ok(()),
    }
}

fn open_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The right to replace a file. While one is held nobody else gets one.
#[derive(Debug)]
pub(super) struct Replacement {
    file: File,
    path: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Replacement {
    /// How often, and how far apart, the right is asked for while another has it.
    const TRIES: u32 = 40;
    const PAUSE: Duration = Duration::from_millis(50);

    /// Asks for the right to replace `target`, for about two seconds.
    pub(super) fn begin(target: &Path) -> Result<Self, StateError> {
        let path = target.with_extension("new");
        for _ in 0..Self::TRIES {
            match open_new(&path) {
                Ok(file) => return Ok(Self { file, path, target: target.into(), done: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => thread::sleep(Self::PAUSE),
                Err(error) => return Err(failed("create", &path)(error)),
            }
        }
        Err(StateError::Locked { path })
    }

    /// Replaces the file, whole or not at all.
    pub(super) fn finish(mut self, text: &str) -> Result<(), StateError> {
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(failed("write", &self.path))?;
        fs::rename(&self.path, &self.target).map_err(failed("replace", &self.target))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.done {
            // If this fails, the next who wants the right is told which file to delete.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    move |error| StateError::Io { action, path: path.into(), error }
}
