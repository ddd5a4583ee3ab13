//! The shared folder: what is in it, and nothing else.
//!
//! A path is walked a part at a time from the open folder, and no part of it may be a symbolic link: whoever changes the folder meanwhile
//! gains nothing.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, openat};

/// The most files that a list has, and how deep folders may lie in each other.
pub(crate) const MAX_FILES: usize = 2000;
const MAX_DEPTH: usize = 16;
/// How many entries of folders one list looks at.
const MAX_ENTRIES: usize = 20_000;
/// The longest path, in bytes.
pub(crate) const MAX_PATH: usize = 1024;

/// A folder of which the files are for others.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    folder: PathBuf,
}

/// A file in it.
#[derive(Debug)]
pub(crate) struct SharedFile {
    pub(crate) path: String,
    pub(crate) size: u64,
}

impl Shared {
    /// This one.
    ///
    /// # Errors
    /// It is no folder, or cannot be read.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let shared = Self { folder: folder.canonicalize()? };
        shared.root()?;
        Ok(shared)
    }

    fn root(&self) -> io::Result<OwnedFd> {
        Ok(openat(CWD, &self.folder, FOLDER, Mode::empty())?)
    }

    /// The file at this path, and its size. Blocks.
    pub(crate) fn open(&self, path: &str) -> Result<(File, u64), String> {
        let parts = parts(path)?;
        let refused = |error: io::Error| {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            let why = if is_missing { "there is no such file" } else { "that is no file that is shared" };
            why.to_owned()
        };
        let (last, folders) = parts.split_last().ok_or("that is no path of a file")?;
        let mut at = self.root().map_err(refused)?;
        for part in folders {
            at = openat(at.as_fd(), *part, FOLDER, Mode::empty()).map_err(|error| refused(error.into()))?;
        }
        let file = openat(at.as_fd(), *last, FILE, Mode::empty()).map_err(|error| refused(error.into()))?;
        let about = fstat(&file).map_err(|error| refused(error.into()))?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err("that is no file that is shared".into());
        }
        Ok((File::from(file), u64::try_from(about.st_size).unwrap_or(0)))
    }

    /// What there is, in order; the second: that is not all. Blocks.
    pub(crate) fn list(&self) -> io::Result<(Vec<SharedFile>, bool)> {
        let mut list = List { files: Vec::new(), left: MAX_ENTRIES };
        let is_all = list.add(&self.root()?, "", MAX_DEPTH)?;
        list.files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok((list.files, !is_all))
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Opening a pipe or a device must not wait, and has no effect.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

struct List {
    files: Vec<SharedFile>,
    left: usize,
}

impl List {
    /// Adds what is in a folder. False: something was left out.
    fn add(&mut self, folder: &OwnedFd, before: &str, depth: usize) -> io::Result<bool> {
        let mut is_all = true;
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            if self.left == 0 || self.files.len() >= MAX_FILES {
                return Ok(false);
            }
            self.left -= 1;
            let path = format!("{before}{name}");
            if path.len() > MAX_PATH {
                continue;
            }
            if let Ok(inner) = openat(folder.as_fd(), name, FOLDER, Mode::empty()) {
                is_all &= depth > 0 && self.add(&inner, &format!("{path}/"), depth - 1)?;
            } else if let Ok(file) = openat(folder.as_fd(), name, FILE, Mode::empty())
                && let Ok(about) = fstat(&file)
                && FileType::from_raw_mode(about.st_mode) == FileType::RegularFile
            {
                self.files.push(SharedFile { path, size: u64::try_from(about.st_size).unwrap_or(0) });
            }
        }
        Ok(is_all)
    }
}

/// The parts of a path that leads nowhere else.
fn parts(path: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<&str> = path.split('/').collect();
    let leads_away = parts.iter().any(|part| matches!(*part, "" | "." | "..") || part.contains('\0'));
    if path.len() > MAX_PATH || leads_away {
        return Err("that is no path of a file: it has no empty part, no '.' and no '..', and does not begin with '/'".into());
    }
    Ok(parts)
}

/// The next bytes of a file, fewer at its end. Blocks.
pub(crate) fn read_chunk(file: &mut File, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(most);
    file.take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let top = std::env::temp_dir().join(format!("peer-files-{}", std::process::id()));
        let folder = top.join("shared");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(top.join("secret"), "secret").unwrap();
        fs::write(folder.join("a/b/deep"), "deep").unwrap();
        fs::write(folder.join("..x"), "odd").unwrap();
        symlink("../secret", folder.join("file")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        symlink("/", folder.join("a/root")).unwrap();
        symlink("a/b/deep", folder.join("inside")).unwrap();
        let shared = Shared::new(&folder).unwrap();
        assert_eq!(shared.open("a/b/deep").unwrap().1, 4);
        assert_eq!(shared.open("..x").unwrap().1, 3);
        let hostile = [
            "../secret",
            "a/../../secret",
            "file",
            "up/secret",
            "up",
            "a/root/etc/passwd",
            "inside",
            "/etc/passwd",
            "a//b/deep",
            "./a/b/deep",
            "",
            ".",
            "..",
            "a",
            "a/b",
            "no",
            "a/b/deep/",
            "a\0b",
        ];
        for path in hostile {
            assert!(shared.open(path).is_err(), "{path:?}");
        }
        let (files, is_more) = shared.list().unwrap();
        assert!(!is_more);
        assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["..x", "a/b/deep"]);
        let mut file = shared.open("a/b/deep").unwrap().0;
        assert_eq!(read_chunk(&mut file, 3).unwrap(), b"dee");
        assert_eq!(read_chunk(&mut file, 3).unwrap(), b"p");
        assert!(Shared::new(&top.join("secret")).is_err() && Shared::new(&top.join("none")).is_err());
        fs::remove_dir_all(top).unwrap();
    }
}
