//! Files that hold secrets: that they are read from nobody else, and written whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::NamedFile;
use super::error::{StateError, failed};
use super::os;
use crate::entropy;

const LOCK_FILE: &str = "tickets.lock";
/// What the names of files that are still being written end with.
const NEW: &str = ".new";

/// The text of a file of the state folder; `None` if there is no such file.
pub(super) fn read_secret(path: &Path) -> Result<Option<Zeroizing<String>>, StateError> {
    let file = match os::open_secret(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if is_link(path) => return Err(StateError::NoFile { path: path.into() }),
        Err(error) => return Err(failed("read", path)(error)),
    };
    os::check_file(&file, path)?;
    read(file, path, TICKET_ROOM).map(Some)
}

/// The text of a file that was named by the user, which may be a pipe; `None` if there is no such file.
pub(super) fn read_given(path: &Path) -> Result<Option<Zeroizing<String>>, StateError> {
    let file = match os::open_given(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    os::check_given(&file, path)?;
    read(file, path, TICKET_ROOM).map(Some)
}

/// The text of such a file, and whether it may hold a secret; `None` if there is no such file.
pub(super) fn read_named(path: &Path) -> Result<Option<NamedFile>, StateError> {
    let file = match os::open_given(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let is_secret = os::check_given(&file, path);
    match is_secret {
        Err(StateError::NoTicketFile { path }) => Err(StateError::NoFile { path }),
        Err(error @ StateError::Io { .. }) => Err(error),
        is_secret => {
            let is_pipe = !file.metadata().map_err(failed("look at", path))?.is_file();
            Ok(Some(NamedFile { text: read(file, path, PIPE_ROOM)?, is_secret, is_pipe }))
        }
    }
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_symlink())
}

/// Bytes of a ticket from what is no file and does not say how long it is: it has at most 577 characters.
const TICKET_ROOM: u64 = 4 << 10;
/// Bytes of a configuration from there: more than a few thousand forwards.
const PIPE_ROOM: u64 = 1 << 20;

/// All of a file; of what is none, less than `room`. The memory is there from the start: a text that grows leaves copies of the secret
/// behind.
fn read(mut file: File, path: &Path, room: u64) -> Result<Zeroizing<String>, StateError> {
    /// More tickets than anybody has.
    const MOST: u64 = 64 << 20;
    let length = file.metadata().map_err(failed("look at", path))?.len();
    let too_long = || failed("read", path)(io::ErrorKind::FileTooLarge.into());
    if length > MOST {
        return Err(too_long());
    }
    let room = usize::try_from(length.saturating_add(1).max(room)).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(vec![0; room]);
    let mut filled = 0;
    loop {
        match file.read(&mut bytes[filled..]) {
            Ok(0) if filled == room => return Err(too_long()),
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", path)(error)),
        }
    }
    bytes.truncate(filled);
    text(bytes, path)
}

/// The first line of what is no file, without its end; `None` if there is none or it is blank. Bytes behind it are not read.
pub(super) fn read_line(mut input: impl Read) -> Result<Option<Zeroizing<String>>, StateError> {
    /// A ticket has at most 577 characters.
    const MOST: usize = 4 << 10;
    let path = Path::new(STDIN);
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST));
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) if bytes.len() == MOST => return Err(StateError::LongLine { most: MOST }),
            Ok(_) => bytes.extend(byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", path)(error)),
        }
    }
    text(bytes, path).map(|line| Some(line).filter(|line| !line.trim().is_empty()))
}

/// What messages call the standard input.
pub(super) const STDIN: &str = "standard input";

fn text(mut bytes: Zeroizing<Vec<u8>>, path: &Path) -> Result<Zeroizing<String>, StateError> {
    if is_utf16(&bytes) {
        return Err(StateError::Utf16 { path: path.into() });
    }
    let no_text = |_| StateError::NoText { path: path.into() };
    // Taken out of its wrapper and put into another: the same memory.
    String::from_utf8(std::mem::take(&mut bytes)).map(Zeroizing::new).map_err(no_text)
}

/// By its byte-order mark, or by a first character with a byte of zero: all of ours are ASCII.
const fn is_utf16(bytes: &[u8]) -> bool {
    match *bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [first, second, ..] => (first == 0) != (second == 0),
        _ => false,
    }
}

/// A text and a line end.
pub(super) fn line(text: &str) -> Zeroizing<String> {
    Zeroizing::new([text, "\n"].concat())
}

/// Writes a secret file that must not exist yet, whole or not at all.
pub(super) fn create_secret(path: &Path, text: &str) -> Result<(), StateError> {
    let file = os::create_secret(path).map_err(failed("create", path))?;
    write(file, text).map_err(|error| {
        // Part of a secret, left behind, would be taken for the whole.
        let _ = fs::remove_file(path);
        failed("write", path)(error)
    })
}

fn write(mut file: File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
}

/// Renames a file, if there is one, to its name with `.old` behind it, or `.old2` and so on: none is lost.
pub(super) fn put_aside(path: &Path) -> Result<(), StateError> {
    if !path.try_exists().map_err(failed("look at", path))? {
        return Ok(());
    }
    let mut names = (1_u64..).map(|count| if count == 1 { "old".into() } else { format!("old{count}") });
    let free = names.find_map(|name| Some(path.with_extension(name)).filter(|path| !path.exists()));
    let free = free.unwrap_or_else(|| path.with_extension("old"));
    fs::rename(path, free).map_err(failed("rename", path))
}

/// The right to change the files of a folder. While one is held nobody else gets one; it ends with its process.
#[derive(Debug)]
pub(super) struct Change {
    folder: PathBuf,
    _lock: File,
}

impl Change {
    /// How often, and how far apart, the right is asked for while another has it.
    const TRIES: u32 = 40;
    const PAUSE: Duration = Duration::from_millis(50);

    /// Asks for the right to change what is in `folder`, for about two seconds.
    pub(super) fn begin(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join(LOCK_FILE);
        for _ in 0..Self::TRIES {
            if let Some(lock) = os::lock(&path).map_err(failed("lock", &path))? {
                let change = Self { folder: folder.into(), _lock: lock };
                change.sweep();
                return Ok(change);
            }
            thread::sleep(Self::PAUSE);
        }
        Err(StateError::Locked { path: folder.into() })
    }

    /// Deletes what a program that was killed had begun to write.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let left = entries.flatten().map(|entry| entry.path());
        for path in left.filter(|path| path.to_string_lossy().ends_with(NEW)) {
            // It is in nobody's way.
            let _ = fs::remove_file(path);
        }
    }

    /// Replaces a file of the folder, or makes it: whole or not at all, also if the machine crashes.
    pub(super) fn replace(&self, target: &Path, text: &str) -> Result<(), StateError> {
        let name = format!("{:016x}{NEW}", entropy::random().u64());
        let path = self.folder.join(name);
        create_secret(&path, text)?;
        if let Err(error) = fs::rename(&path, target) {
            let _ = fs::remove_file(&path);
            return Err(failed("replace", target)(error));
        }
        os::sync_folder(&self.folder).map_err(failed("write", &self.folder))
    }

    /// Overwrites a part of a file where it is, which takes no room on the disk (unless its file system never writes to
    /// the same place twice).
    pub(super) fn overwrite(&self, target: &Path, offset: usize, text: &str) -> Result<(), StateError> {
        let mut file = os::open_to_overwrite(target).map_err(failed("write", target))?;
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        let written = file.seek(SeekFrom::Start(offset)).and_then(|_| write(file, text));
        written.map_err(failed("write", target))
    }
}
