//! The proxy2s that run with a state folder: each has a file in `running/` that it keeps locked, with the digests of the
//! tickets and the rules that it has taken. So `ticket revoke` can wait until a revoked ticket has ended everywhere, and `ticket allow`
//! until new rules count.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use proto::ticket::record::digest;
use tracing::warn;

use super::error::StateError;
use super::feed::{Digest, Taken};
use super::{KEY_FILE, StateDir, os};
use crate::entropy;

const FOLDER: &str = "running";

/// A proxy2 that runs. While this value lives, whoever changes the tickets knows of it.
#[derive(Debug)]
pub(super) struct Presence {
    folder: PathBuf,
    sign: Sign,
    taken: Option<Taken>,
}

#[derive(Debug)]
enum Sign {
    /// A file of its own.
    File {
        file: File,
        path: PathBuf,
        number: u64,
    },
    /// The folder cannot be written to: the key file is held, which tells others that somebody runs and cannot confirm.
    Key {
        _file: File,
    },
    None,
}

impl Presence {
    /// Gives a sign that a proxy2 runs with this folder.
    pub(super) fn enter(folder: &Path) -> Self {
        let sign = Sign::give(folder).unwrap_or_else(|error| {
            warn!(
                folder = %folder.display(), %error,
                "the state folder cannot be written to: `proxy2 ticket revoke` will not be confirmed by this proxy2"
            );
            Sign::on_key(folder)
        });
        Self { folder: folder.into(), sign, taken: None }
    }

    /// This has been taken.
    pub(super) fn confirm(&mut self, taken: Taken) {
        self.taken = Some(taken);
        if let Sign::File { file, .. } = &mut self.sign
            && let Err(error) = put(file, self.taken)
        {
            warn!(%error, "cannot confirm a change of the tickets in the state folder");
        }
    }

    /// Gives the sign again if it has gone, as when the folder was emptied and filled again.
    pub(super) fn renew(&mut self) {
        let Sign::File { path, number, .. } = &self.sign else { return };
        if fs::metadata(path).is_ok_and(|found| os::file_number(&found) == *number) {
            return;
        }
        if let Ok(sign) = Sign::give(&self.folder) {
            self.sign = sign;
            if let (Sign::File { file, .. }, taken) = (&mut self.sign, self.taken) {
                let _ = put(file, taken);
            }
        }
    }
}

impl Sign {
    fn give(folder: &Path) -> io::Result<Self> {
        let folder = folder.join(FOLDER);
        make_folder(&folder)?;
        loop {
            let path = folder.join(format!("{:016x}", entropy::random().u64()));
            // `None`: somebody looked at the new file before it was locked, and is about to delete it.
            if let Some(mut file) = os::lock(&path)? {
                put(&mut file, None)?;
                let number = os::file_number(&file.metadata()?);
                return Ok(Self::File { file, path, number });
            }
        }
    }

    fn on_key(folder: &Path) -> Self {
        let held = os::lock_shared(&folder.join(KEY_FILE));
        held.ok().flatten().map_or(Self::None, |file| Self::Key { _file: file })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Sign::File { path, .. } = &self.sign {
            // What stays is deleted by the next who looks: it is not locked any more.
            let _ = fs::remove_file(path);
        }
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match os::new_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// Writes digests where those before stood: the same length, so that a full disk does not matter.
fn put(file: &mut File, taken: Option<Taken>) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let text = match taken {
        Some(Taken { tickets, rules }) => format!("{}{}\n", to_text(&tickets), to_text(&rules)),
        None => format!("{:<128}\n", "-"),
    };
    file.write_all(text.as_bytes())
}

/// 64 hexadecimal digits.
fn to_text(digest: &Digest) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What running proxy2s are to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirming {
    /// That they have taken the tickets, and have told the links of revoked ones to end.
    Tickets,
    /// The same, and that they have taken the rules, and have told the links to reset what is no longer allowed.
    Rules,
}

/// What running proxy2s say to a change of the tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// There is none.
    NoneRuns,
    /// So many run, and all have taken it.
    By(usize),
}

/// The proxy2s that run with a folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    confirmed: usize,
    waiting: usize,
}

impl StateDir {
    /// Waits until every proxy2 that runs with this folder has taken the tickets, or the rules too, as they are in the files.
    ///
    /// # Errors
    /// [`StateError::Unconfirmed`] after `patience`, and those of reading the files.
    pub fn wait_until_taken(
        &self,
        confirming: Confirming,
        patience: Duration,
    ) -> Result<Confirmed, StateError> {
        const PAUSE: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + patience;
        loop {
            let mut wanted = to_text(&digest(&self.tickets()?));
            if confirming == Confirming::Rules {
                wanted += &to_text(&self.rules()?.digest());
            }
            let seen = look(self.path(), &wanted);
            if seen.waiting == 0 {
                return Ok(if seen.confirmed == 0 {
                    Confirmed::NoneRuns
                } else {
                    Confirmed::By(seen.confirmed)
                });
            }
            if Instant::now() >= deadline {
                return Err(StateError::Unconfirmed { path: self.path().into(), waited: patience });
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether a proxy2 runs with this folder.
    pub fn is_in_use(&self) -> bool {
        look(self.path(), "") != Seen::default()
    }
}

fn look(folder: &Path, wanted: &str) -> Seen {
    let mut seen = Seen::default();
    let entries = fs::read_dir(folder.join(FOLDER)).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        match os::lock_existing(&path) {
            // Nobody holds it: its process is gone.
            Ok(Some(_file)) => drop(fs::remove_file(&path)),
            Ok(None) if says(&path).is_ok_and(|text| text.starts_with(wanted)) => seen.confirmed += 1,
            Ok(None) => seen.waiting += 1,
            // It has gone meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => seen.waiting += 1,
        }
    }
    if let Ok(None) = os::lock_existing(&folder.join(KEY_FILE)) {
        seen.waiting += 1;
    }
    seen
}

fn says(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    os::open_secret(path)?.read_to_string(&mut text)?;
    Ok(text)
}
