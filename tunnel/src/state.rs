//! The state folder: proxy2's key and the tickets it gave out.
//!
//! `server.key` holds proxy2's private key, `tickets` one line a ticket. Both are secrets: the folder is made with mode
//! 0700, the files with 0600, and a file that others can read is refused. proxy1 on the same machine reads its ticket
//! from the same folder.

mod files;
#[cfg(test)]
mod tests;
mod tickets;
mod watch;

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use proto::sealed::keys::{PrivateKey, PublicKey};
use proto::ticket::record::{RecordError, TicketRecord};
pub use proto::ticket::record::{Standing, TicketName};
use proto::ticket::{Ticket, TicketError, server_key_from_text, server_key_to_text};
use zeroize::Zeroizing;

use crate::entropy;
pub use watch::watch_tickets;

const KEY_FILE: &str = "server.key";
const TICKETS_FILE: &str = "tickets";
/// The name of the ticket that proxy2 makes at its first start.
pub const FIRST_TICKET: &str = "default";

/// What proxy2 knows when it starts.
pub struct ServerState {
    /// Its key.
    pub key: PrivateKey,
    /// The tickets it gave out.
    pub tickets: Vec<TicketRecord>,
    /// Whether key and ticket were made just now.
    pub is_new: bool,
}

impl fmt::Debug for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerState").field("tickets", &self.tickets).finish_non_exhaustive()
    }
}

/// A state folder, which need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
    /// The user named it: then every command must.
    given: bool,
}

/// Why state cannot be had. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No place for the folder is known.
    #[error(
        "this user has no home folder that could hold keys and tickets: name a folder with --state DIR, or give proxy1 \
         its ticket with --ticket-file or PASO_TICKET"
    )]
    NoHome,
    /// The system refused.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no file of that name.
    #[error("there is no file {}: check its name", path.display())]
    Missing {
        /// The name.
        path: PathBuf,
    },
    /// A file where there should be a folder.
    #[error("{} is not a folder: name one with --state DIR", path.display())]
    NoFolder {
        /// The name.
        path: PathBuf,
    },
    /// Bytes that are no text.
    #[error("{} is not a text file", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// A secret that is none any more.
    #[error("others can read {}, so what is in it is no secret: run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A folder in which others could put another key.
    #[error("others can write to {}, and could put another key there: run `chmod 700 {}`", path.display(), path.display())]
    Open {
        /// The folder.
        path: PathBuf,
    },
    /// The key file is damaged.
    #[error("{} is damaged and holds no key: restore it, or delete it and give out new tickets", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// A line of the tickets file is damaged.
    #[error("line {line} of {} is no ticket: {error}; restore the file or delete the line", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong.
        error: RecordError,
    },
    /// A ticket file of proxy1 holds no ticket.
    #[error("{}: {error}", path.display())]
    Ticket {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: TicketError,
    },
    /// proxy1 was given no ticket and finds none.
    #[error(
        "no ticket: give the line that proxy2 printed with --ticket, --ticket-file or the variable PASO_TICKET \
         (no proxy2 of this user has left a valid one in {})",
        path.display()
    )]
    NoTicket {
        /// Where a local one would be.
        path: PathBuf,
    },
    /// `ticket add` with a name that is taken.
    #[error("a ticket named '{0}' exists already: choose another name")]
    NameTaken(TicketName),
    /// `ticket show` or `revoke` with a name that is not.
    #[error("no ticket is named '{0}': `proxy2 ticket list` shows them all")]
    NoSuchName(TicketName),
    /// `ticket list` before there is any.
    #[error("no tickets are in {}: `proxy2 ticket add NAME` makes one, and so does the first start of proxy2", path.display())]
    NoTickets {
        /// The folder.
        path: PathBuf,
    },
    /// `ticket show` of a revoked one.
    #[error("the ticket '{0}' has been revoked: make another with `proxy2 ticket add NAME`")]
    Revoked(TicketName),
    /// Somebody else changes the tickets.
    #[error("another program is changing the tickets; if none is, delete {}", path.display())]
    Locked {
        /// The file that says so.
        path: PathBuf,
    },
}

impl StateDir {
    /// The folder `given`, or this user's: `$XDG_STATE_HOME/paso`, else `~/.local/state/paso`; under macOS
    /// `~/Library/Application Support/paso`, under Windows `%LOCALAPPDATA%\paso`.
    ///
    /// # Errors
    /// [`StateError::NoHome`].
    pub fn locate(given: Option<PathBuf>) -> Result<Self, StateError> {
        let is_given = given.is_some();
        let path = given.or_else(platform_folder).ok_or(StateError::NoHome)?;
        Ok(Self { path, given: is_given })
    }

    /// What to add to a command so that it uses this folder: nothing if it does so anyway.
    pub fn option(&self) -> String {
        if !self.given {
            return String::new();
        }
        // A command may be run elsewhere.
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        format!(" --state {}", quoted(&path.to_string_lossy()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// proxy2's key and tickets; makes the folder, a key and a first ticket where there are none. Tickets of a key that
    /// is gone are worth nothing: they are put aside, in case the key is found again.
    ///
    /// # Errors
    /// Files that cannot be read, written or understood, or that others can read.
    pub fn server(&self) -> Result<ServerState, StateError> {
        files::make_folder(&self.path)?;
        if let Some(key) = self.key()? {
            return Ok(ServerState { key, tickets: self.tickets()?, is_new: false });
        }
        let key = PrivateKey::generate(&mut entropy::random());
        files::create_secret(&self.path.join(KEY_FILE), &server_key_to_text(&key))?;
        files::put_aside(&self.path.join(TICKETS_FILE))?;
        self.add_ticket(&key, first_name())?;
        Ok(ServerState { key, tickets: self.tickets()?, is_new: true })
    }

    fn key(&self) -> Result<Option<PrivateKey>, StateError> {
        let path = self.path.join(KEY_FILE);
        let Some(text) = files::read_secret(&path)? else { return Ok(None) };
        server_key_from_text(&text).map(Some).map_err(|_| StateError::Key { path })
    }

    /// The ticket that a proxy2 of this user on this machine has left for proxy1: the first valid one for its key.
    ///
    /// # Errors
    /// [`StateError::NoTicket`], and those of reading the files.
    pub fn local_ticket(&self) -> Result<Ticket, StateError> {
        let none = || StateError::NoTicket { path: self.path.clone() };
        let key = self.key()?.ok_or_else(none)?.public();
        let found = self.tickets()?.into_iter().find_map(|record| valid_for(&key, &record));
        found.ok_or_else(none)
    }
}

/// The ticket in a file that holds nothing else.
///
/// # Errors
/// The file cannot be read, is readable for others, or holds no ticket.
pub fn ticket_from_file(path: &Path) -> Result<Ticket, StateError> {
    let text = files::read_secret(path)?.ok_or_else(|| StateError::Missing { path: path.into() })?;
    text.parse().map_err(|error| StateError::Ticket { path: path.into(), error })
}

fn first_name() -> TicketName {
    FIRST_TICKET.parse().expect("a plain word is a name")
}

/// The ticket of a record, if it is good for the proxy2 with that key.
pub(crate) fn valid_for(key: &PublicKey, record: &TicketRecord) -> Option<Ticket> {
    match &record.standing {
        Standing::Valid(ticket) if ticket.acceptor() == key => Some(ticket.clone()),
        Standing::Valid(_) | Standing::Revoked(_) => None,
    }
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn platform_folder() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        let xdg = variable("XDG_STATE_HOME").filter(|path| path.is_absolute());
        xdg.or_else(|| variable("HOME").map(|home| home.join(".local/state")))
    };
    base.map(|base| base.join("paso"))
}

/// The lines of all records, to be written.
fn to_text(records: &[TicketRecord]) -> Zeroizing<String> {
    let lines: Vec<_> = records.iter().map(TicketRecord::to_line).collect();
    let mut text = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len()).sum()));
    lines.iter().for_each(|line| text.push_str(line));
    text
}
