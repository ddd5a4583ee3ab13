//! The logger's file, which does not grow without end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that lines are added to. One that is full becomes `FILE.1`, in place of the one before it, and a new one begins: both have
/// no more than twice the size together.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
    /// `None`: it is a pipe or a device, and has no length.
    most: Option<u64>,
}

impl LogFile {
    /// Goes on at the end of what is there, or makes it.
    pub(super) fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = append_to(path)?;
        let about = file.metadata()?;
        // Where a link leads is what is to be renamed.
        let path = fs::canonicalize(path)?;
        Ok(Self { path, file, length: about.len(), most: about.is_file().then_some(most) })
    }

    /// Begins anew if there is no room for so many bytes.
    fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let fits =
            |length: u64| self.most.is_none_or(|most| length == 0 || length.saturating_add(bytes) <= most);
        if fits(self.length) {
            return Ok(());
        }
        // Something else may have taken lines out of it.
        self.length = self.file.metadata()?.len();
        if fits(self.length) {
            return Ok(());
        }
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        match fs::rename(&self.path, before) {
            Ok(()) => {}
            // It was renamed before, and the new one could not be made then; or somebody has taken it away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A folder may have the other name: the newest lines are worth more than those that are there. It is written to the file that has
            // this name now: somebody else may have renamed the one that is open.
            Err(error) => {
                fs::write(
                    &self.path,
                    format!("(earlier lines are lost: this file cannot be renamed: {error})\n"),
                )?;
            }
        }
        self.file = append_to(&self.path)?;
        self.length = self.file.metadata()?.len();
        Ok(())
    }
}

/// A line at a time, whole.
impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.make_room(line.len())?;
        let count = self.file.write(line)?;
        self.length += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_last_lines_and_no_more_than_twice_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let mut log = LogFile::open(&path, 25).unwrap();
        (0..4).for_each(|number| log.write_all(format!("line {number}...\n").as_bytes()).unwrap());
        assert_eq!(
            (read("log").as_str(), read("log.1").as_str()),
            ("line 2...\nline 3...\n", "line 0...\nline 1...\n")
        );
        drop(log);
        let mut log = LogFile::open(&path, 25).unwrap();
        log.write_all(b"line 4...\n").unwrap();
        assert_eq!(
            (read("log").as_str(), read("log.1").as_str()),
            ("line 4...\n", "line 2...\nline 3...\n"),
            "it counts what was there"
        );
        fs::write(&path, "").unwrap();
        log.write_all(b"line 5...\n").unwrap();
        log.write_all(b"line 6...\n").unwrap();
        assert_eq!(read("log"), "line 5...\nline 6...\n", "and not what was taken out of it");
        log.write_all("x".repeat(100).as_bytes()).unwrap();
        assert_eq!(read("log").len(), 100, "a line is never cut");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        fs::remove_file(&path).unwrap();
        log.write_all(b"line 7...\n").unwrap();
        assert_eq!(read("log"), "line 7...\n", "one that was taken away is made again");
    }

    #[test]
    fn where_the_full_file_cannot_be_renamed_the_newest_lines_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::create_dir_all(folder.path().join("log.1/full")).unwrap();
        let mut log = LogFile::open(&path, 400).unwrap();
        (0..500).for_each(|number| log.write_all(format!("line {number}\n").as_bytes()).unwrap());
        let kept = fs::read_to_string(&path).unwrap();
        assert!(kept.starts_with("(earlier lines are lost: this file cannot"), "{kept}");
        assert!(kept.ends_with("line 498\nline 499\n") && kept.len() <= 400, "{kept}");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_has_no_size_and_what_a_link_leads_to_is_renamed() {
        let mut log = LogFile::open(Path::new("/dev/null"), 25).unwrap();
        (0..9).for_each(|_| log.write_all(b"a line that goes nowhere\n").unwrap());
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("log"), folder.path().join("link"));
        fs::write(&path, "there before\n").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        LogFile::open(&link, 16).unwrap().write_all(b"more\n").unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "more\n");
        assert_eq!(fs::read_to_string(folder.path().join("log.1")).unwrap(), "there before\n");
    }
}
