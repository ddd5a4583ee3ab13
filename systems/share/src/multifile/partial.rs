//! The file as far as it has come: beside the place where it is to be, under a name of its own. Nothing else is kept of a download:
//! the next one reads the blocks that are there and knows by their hashes which of them are right.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::hash::{BlockHash, FileId, block_range, of_block};

/// A file that is being fetched.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    to: PathBuf,
    hashes: Vec<BlockHash>,
    size: u64,
    there: Vec<bool>,
}

impl Partial {
    /// Begins it, or goes on with what is there. Reads that, and blocks the thread meanwhile.
    ///
    /// # Errors
    /// It cannot be made, or something that is no file has its name.
    pub fn open(to: &Path, id: FileId, hashes: Vec<BlockHash>, size: u64) -> io::Result<Self> {
        let path = partial_path(to, id)?;
        if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
            let what = format!("{} is in the way, and is no file", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let mut partial = Self { file, path, to: to.to_owned(), there: Vec::new(), hashes, size };
        // What is longer was another file.
        let length = partial.file.metadata()?.len().min(size);
        partial.file.set_len(length)?;
        let there = |(block, hash): (u32, &BlockHash)| {
            let (start, block_length) = block_range(block, size);
            start + block_length as u64 <= length && partial.is_right(block, hash)
        };
        partial.there = (0..).zip(&partial.hashes).map(there).collect();
        Ok(partial)
    }

    fn is_right(&self, block: u32, hash: &BlockHash) -> bool {
        let (start, length) = block_range(block, self.size);
        let mut bytes = vec![0; length];
        read_at(&self.file, &mut bytes, start).is_ok() && of_block(&bytes) == *hash
    }

    /// Whether this block was there when it was opened.
    pub fn is_there(&self, block: u32) -> bool {
        self.there.get(block as usize).copied().unwrap_or(false)
    }

    /// How many bytes were there when it was opened.
    pub fn bytes_there(&self) -> u64 {
        (0..)
            .zip(&self.there)
            .filter(|(_, there)| **there)
            .map(|(block, _)| block_range(block, self.size).1 as u64)
            .sum()
    }

    /// How long this block is.
    pub fn length_of(&self, block: u32) -> usize {
        block_range(block, self.size).1
    }

    /// Puts a block where it belongs, if it is right; whether it is. Blocks the thread.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn write(&self, block: u32, bytes: &[u8]) -> io::Result<bool> {
        let (start, length) = block_range(block, self.size);
        if bytes.len() != length || self.hashes.get(block as usize) != Some(&of_block(bytes)) {
            return Ok(false);
        }
        write_at(&self.file, bytes, start)?;
        Ok(true)
    }

    /// All blocks are there: gives the file its name, in place of what has it now. Blocks the thread.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn finish(&self) -> io::Result<()> {
        self.file.set_len(self.size)?;
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.to)
    }
}

/// `.NAME.HASH.part`, in the same folder.
fn partial_path(to: &Path, id: FileId) -> io::Result<PathBuf> {
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", to.display()));
    if to.is_dir() {
        return Err(no_name());
    }
    let name = to.file_name().ok_or_else(no_name)?.to_string_lossy();
    let hash: String = id.to_string().chars().take(16).collect();
    Ok(to.with_file_name(format!(".{name}.{hash}.part")))
}

#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, start)
}

/// Several write at a time there: each with a handle of its own, which has a position of its own.
#[cfg(not(unix))]
pub(crate) fn read_at(mut file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(bytes)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], start: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(start))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{BLOCK, of_file};

    #[test]
    fn what_was_written_is_found_again_and_what_is_wrong_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("poem");
        let bytes: Vec<u8> = (0..2 * BLOCK + 9).map(|at| (at ^ at >> 20).to_le_bytes()[0]).collect();
        let (hashes, size) = of_file(bytes.as_slice()).unwrap();
        let id = FileId::of_hashes(&hashes);
        let open = || Partial::open(&to, id, hashes.clone(), size).unwrap();
        let first = open();
        assert_eq!(first.bytes_there(), 0);
        assert!(first.write(2, &bytes[2 * BLOCK..]).unwrap());
        assert!(!first.write(0, &bytes[BLOCK..2 * BLOCK]).unwrap(), "it belongs elsewhere, or is another");
        assert!(!first.write(3, &[]).unwrap());
        drop(first);
        let again = open();
        assert_eq!((again.is_there(0), again.is_there(2), again.is_there(3)), (false, true, false));
        assert_eq!(again.bytes_there(), 9);
        assert!(
            again.write(0, &bytes[..BLOCK]).unwrap() && again.write(1, &bytes[BLOCK..2 * BLOCK]).unwrap()
        );
        assert!(!to.exists());
        again.finish().unwrap();
        assert!(std::fs::read(&to).unwrap() == bytes);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (to, victim) = (folder.path().join("poem"), folder.path().join("victim"));
        std::fs::write(&victim, "precious").unwrap();
        let id = FileId::of_hashes(&[]);
        #[cfg(unix)]
        std::os::unix::fs::symlink(&victim, partial_path(&to, id).unwrap()).unwrap();
        let error = Partial::open(&to, id, vec![], 0).unwrap_err().to_string();
        assert!(error.contains("in the way"), "{error}");
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert!(Partial::open(folder.path(), id, vec![], 0).is_err(), "a folder is no file");
    }
}
