//! The files that this user has published. Nothing else is ever given away: a request is looked up here, and no path of a request
//! ever reaches the disk.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::hash::{BlockHash, FileId, of_file};

/// The most files of one user: as many as the server takes.
const MAX_FILES: usize = 1_024;

/// A published file.
#[derive(Debug)]
pub(super) struct Published {
    /// What it was when it was published.
    pub(super) id: FileId,
    pub(super) size: u64,
    pub(super) hashes: Vec<BlockHash>,
    /// Where it is, with no links on the way.
    file: PathBuf,
    stamp: Stamp,
}

/// What changes when a file is another, or has been written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<std::time::SystemTime>,
    inode: (u64, u64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let inode = (0, 0);
        Self { size: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

impl Published {
    /// Reads a file that is to be published. Blocks the thread.
    ///
    /// # Errors
    /// It cannot be read, or is no file.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let file = path.canonicalize()?;
        let opened = open_regular(&file)?;
        let stamp = Stamp::of(&opened.metadata()?);
        let (hashes, size) = of_file(&opened)?;
        if Stamp::of(&opened.metadata()?) != stamp || size != stamp.size {
            return Err(io::Error::other("it was written to meanwhile"));
        }
        Ok(Self { id: FileId::of_hashes(&hashes), size, hashes, file, stamp })
    }

    /// Opens it, if it is still what it was. Blocks the thread.
    ///
    /// # Errors
    /// It is gone, or is another file now.
    pub(super) fn open(&self) -> io::Result<File> {
        let opened = open_regular(&self.file)?;
        if Stamp::of(&opened.metadata()?) == self.stamp {
            Ok(opened)
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "it has changed since it was published"))
        }
    }
}

/// To open a pipe would wait for its other end, so what it is is looked at first, and again afterwards.
fn open_regular(path: &Path) -> io::Result<File> {
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
    if !path.symlink_metadata()?.is_file() {
        return Err(no_file());
    }
    let file = File::open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// All of a user's, by the path under which each was published. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct PublishedFiles(Arc<Mutex<Files>>);

#[derive(Debug, Default)]
struct Files {
    by_path: HashMap<String, Arc<Published>>,
    /// Where they are written down, so that they are served again after a restart.
    list: Option<PathBuf>,
}

impl PublishedFiles {
    /// Those that are written down here, and those of them that cannot be read any more. Blocks the thread.
    ///
    /// # Errors
    /// The list cannot be read.
    pub(super) fn load(list: PathBuf) -> io::Result<(Self, Vec<String>)> {
        let text = match std::fs::read_to_string(&list) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let (mut by_path, mut lost) = (HashMap::new(), Vec::new());
        for line in text.lines() {
            let mut parts = line.split('\0');
            let (Some(path), file, id) = (parts.next(), parts.next(), parts.next()) else { continue };
            match read_again(file, id) {
                Ok(published) => {
                    by_path.insert(path.to_owned(), Arc::new(published));
                }
                Err(error) => lost.push(format!("{path}: {error}")),
            }
        }
        Ok((Self(Arc::new(Mutex::new(Files { by_path, list: Some(list) }))), lost))
    }

    pub(super) fn at(&self, path: &str) -> Option<Arc<Published>> {
        self.with(|files| files.by_path.get(path).cloned())
    }

    pub(super) fn known_as(&self, id: FileId) -> Option<Arc<Published>> {
        self.with(|files| files.by_path.values().find(|file| file.id == id).cloned())
    }

    /// Adds a file and writes the list. Blocks the thread.
    ///
    /// # Errors
    /// There are too many, or the list cannot be written; then it is not added.
    pub(super) fn add(&self, path: &str, file: Published) -> io::Result<()> {
        self.with(|files| {
            if files.by_path.len() >= MAX_FILES {
                return Err(io::Error::other("1,024 files are published already"));
            }
            let before = files.by_path.insert(path.to_owned(), Arc::new(file));
            let written = files.write();
            if written.is_err() {
                files.by_path.remove(path);
                files.by_path.extend(before.map(|before| (path.to_owned(), before)));
            }
            written
        })
    }

    /// Takes one away, at once; the list follows if it can be written.
    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        self.with(|files| {
            files.by_path.remove(path);
            files.write()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Files) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A file of a list, if it is still what it was.
fn read_again(file: Option<&str>, id: Option<&str>) -> io::Result<Published> {
    let changed = || io::Error::new(io::ErrorKind::NotFound, "it has changed since it was published");
    let (file, id) = file.zip(id).ok_or_else(changed)?;
    let published = Published::read(Path::new(file))?;
    if published.id.to_string() == id { Ok(published) } else { Err(changed()) }
}

/// Removes a list, if there is one.
///
/// # Errors
/// It cannot be removed.
pub(super) fn forget_list(list: &Path) -> io::Result<()> {
    match std::fs::remove_file(list) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Files {
    /// A line for each: its path, where it is and its hash, with zero bytes between.
    fn write(&self) -> io::Result<()> {
        let Some(list) = &self.list else { return Ok(()) };
        let mut lines = String::new();
        for (path, file) in &self.by_path {
            lines.push_str(&format!("{path}\0{}\0{}\n", file.file.display(), file.id));
        }
        common::replace(list, lines.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_or_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("poem");
        std::fs::write(&path, "a poem").unwrap();
        let published = Published::read(&path).unwrap();
        assert!(published.open().is_ok());
        std::fs::write(&path, "another poem").unwrap();
        assert_eq!(published.open().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(Published::read(folder.path()).is_err(), "a folder");
        assert!(Published::read(Path::new("/dev/null")).is_err(), "a device");
        #[cfg(unix)]
        {
            let secret = folder.path().join("secret");
            std::fs::write(&secret, "another poem").unwrap();
            let published = Published::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&secret, &path).unwrap();
            assert!(published.open().is_err(), "a link that took its place leads nowhere");
        }
    }

    #[test]
    fn the_list_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let (list, poem, gone) =
            (folder.path().join("list"), folder.path().join("a poem"), folder.path().join("gone"));
        std::fs::write(&poem, "a poem").unwrap();
        std::fs::write(&gone, "a poem").unwrap();
        let (files, lost) = PublishedFiles::load(list.clone()).unwrap();
        assert!(lost.is_empty());
        for (name, path) in [("poem", &poem), ("gone", &gone), ("taken", &poem)] {
            files.add(name, Published::read(path).unwrap()).unwrap();
        }
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "a secret").unwrap();
        for name in ["changed", "replaced"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "a poem").unwrap();
            files.add(name, Published::read(&path).unwrap()).unwrap();
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::write(folder.path().join("changed"), "a diary").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&secret, folder.path().join("replaced")).unwrap();
        files.remove("taken").unwrap();
        std::fs::remove_file(&gone).unwrap();
        let (again, lost) = PublishedFiles::load(list.clone()).unwrap();
        assert!(again.at("poem").is_some() && again.at("taken").is_none() && again.at("gone").is_none());
        assert!(again.at("changed").is_none() && again.at("replaced").is_none(), "it is another file now");
        assert_eq!(lost.len(), 3, "{lost:?}");
        let id = again.at("poem").unwrap().id;
        assert!(again.known_as(id).is_some() && again.known_as(FileId::of_hashes(&[])).is_none());
        forget_list(&list).unwrap();
        forget_list(&list).unwrap();
        assert!(PublishedFiles::load(list).unwrap().0.at("poem").is_none());
    }
}
