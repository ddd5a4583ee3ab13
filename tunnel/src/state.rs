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

use proto::sealed::keys::PrivateKey;
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
}

/// Why state cannot be had. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No place for the folder is known.
    #[error("this user has no home folder to keep keys and tickets in: name a folder with --state DIR")]
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
    /// A secret that is none any more.
    #[error("others can read {}, so what is in it is no secret: run `chmod {mode:o} {}`", path.display(), path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// The mode it should have.
        mode: u32,
    },
    /// The key file is damaged.
    #[error("{} holds no key ({error}): restore it, or delete it and give out new tickets", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: TicketError,
    },
    /// A line of the tickets file is damaged.
    #[error("line {line} of {} is no ticket: {error}", path.display())]
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
         (no proxy2 of this user has left one in {})",
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
        let path = given.or_else(platform_folder).ok_or(StateError::NoHome)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// proxy2's key and tickets; makes the folder, a key and a first ticket where there are none.
    ///
    /// # Errors
    /// Files that cannot be read, written or understood, or that others can read.
    pub fn server(&self) -> Result<ServerState, StateError> {
        files::make_folder(&self.path)?;
        let path = self.path.join(KEY_FILE);
        let known = files::read_secret(&path)?;
        let is_new = known.is_none();
        let key = match known {
            Some(text) => server_key_from_text(&text).map_err(|error| StateError::Key { path, error })?,
            None => {
                let key = PrivateKey::generate(&mut entropy::random());
                files::create_secret(&path, &server_key_to_text(&key))?;
                key
            }
        };
        let mut tickets = self.tickets()?;
        if is_new && tickets.is_empty() {
            self.add_ticket(&key, first_name())?;
            tickets = self.tickets()?;
        }
        Ok(ServerState { key, tickets, is_new })
    }

    /// The ticket that a proxy2 of this user on this machine has left for proxy1: the first valid one.
    ///
    /// # Errors
    /// [`StateError::NoTicket`], and those of reading the file.
    pub fn local_ticket(&self) -> Result<Ticket, StateError> {
        let found = self.tickets()?.into_iter().find_map(valid);
        found.ok_or_else(|| StateError::NoTicket { path: self.path.clone() })
    }
}

/// The ticket in a file that holds nothing else.
///
/// # Errors
/// The file cannot be read, is readable for others, or holds no ticket.
pub fn ticket_from_file(path: &Path) -> Result<Ticket, StateError> {
    let missing =
        || StateError::Io { action: "read", path: path.into(), error: io::ErrorKind::NotFound.into() };
    let text = files::read_secret(path)?.ok_or_else(missing)?;
    text.parse().map_err(|error| StateError::Ticket { path: path.into(), error })
}

fn first_name() -> TicketName {
    FIRST_TICKET.parse().expect("a plain word is a name")
}

fn valid(record: TicketRecord) -> Option<Ticket> {
    match record.standing {
        Standing::Valid(ticket) => Some(ticket),
        Standing::Revoked(_) => None,
    }
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
