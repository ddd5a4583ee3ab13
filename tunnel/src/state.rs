//! The state folder: proxy2's key and what it keeps of the tickets it gave out.
//!
//! | file | holds |
//! | --- | --- |
//! | `server.key` | proxy2's private key |
//! | `tickets` | one line a ticket: its name, the client's public key, a pre-shared key; no private key of a client |
//! | `rules` | one line a ticket that has rules of its own: its name and the rules |
//! | `local.ticket` | the whole ticket that proxy1 of this user on this machine uses: a client's secret |
//! | `tickets.lock` | nothing; locked while the tickets are changed |
//! | `running/` | one file a running proxy2, locked while it runs, with the digests of the tickets and rules that it has taken |
//!
//! All are for their owner alone: the folder is made with mode 0700, the files with 0600, and a file that others can
//! read is refused. So is a folder that others could replace: each part of its path must belong to this user or to
//! root, and only its owner may write to it, or a group that nobody else is in. `docs/secrets.md` says the same of ticket files.

mod error;
mod feed;
mod files;
mod memory;
#[cfg_attr(unix, path = "state/os_unix.rs")]
#[cfg_attr(not(unix), path = "state/os_windows.rs")]
mod os;
mod rules;
mod running;
#[cfg(test)]
mod tests;
mod tickets;
mod watch;

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use proto::sealed::crypto::keys::PrivateKey;
pub use proto::ticket::place::{Host, Place, PlaceError, Places};
use proto::ticket::record::TicketRecord;
pub use proto::ticket::record::{Standing, TicketName, UnixSeconds};
use proto::ticket::{Ticket, server_key_from_text, server_key_to_text};
use tracing::warn;
use zeroize::Zeroizing;

use crate::entropy;
use files::Change;
use running::Presence;

pub use error::{Purpose, StateError};
pub use feed::TicketList;
pub(crate) use feed::Tickets;
pub use memory::MemoryState;
pub use rules::{RulesLineError, TicketRules, valid_ticket};
pub use running::{Confirmed, Confirming};
pub(crate) use watch::Watch;

const KEY_FILE: &str = "server.key";
const TICKETS_FILE: &str = "tickets";
const RULES_FILE: &str = "rules";
const LOCAL_TICKET_FILE: &str = "local.ticket";
/// The name of the ticket that proxy2 makes at its first start.
pub const FIRST_TICKET: &str = "default";

/// What proxy2 knows when it starts.
pub struct ServerState {
    /// Its key.
    pub key: PrivateKey,
    /// The tickets it gave out.
    pub tickets: Vec<TicketRecord>,
    /// What those with rules of their own may do.
    pub rules: TicketRules,
    /// Whether key and ticket were made just now.
    pub is_new: bool,
    /// Says to `ticket revoke` that this proxy2 runs.
    presence: Presence,
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
    /// Files that cannot be read, written or understood, or that others can read or replace.
    pub fn server(&self) -> Result<ServerState, StateError> {
        os::make_folder(&self.path)?;
        let (key, is_new) = match self.key()? {
            Some(key) => (key, false),
            None => (self.first_start()?, true),
        };
        // Before the tickets are read: whoever changes them afterwards waits for this proxy2.
        let presence = Presence::enter(&self.path);
        Ok(ServerState { key, tickets: self.tickets_at_start()?, rules: self.rules()?, is_new, presence })
    }

    /// Makes key and first ticket. The key comes last: where it is, the rest is too.
    fn first_start(&self) -> Result<PrivateKey, StateError> {
        let change = Change::begin(&self.path)?;
        if let Some(key) = self.key()? {
            // Another proxy2 was faster.
            return Ok(key);
        }
        let key = PrivateKey::generate(&mut entropy::random());
        let ticket = Ticket::generate(key.public(), true, &mut entropy::random());
        for of_another_key in [TICKETS_FILE, RULES_FILE] {
            files::put_aside(&self.path.join(of_another_key))?;
        }
        change.replace(&self.path.join(LOCAL_TICKET_FILE), &files::line(&ticket.to_text()))?;
        let record = TicketRecord::new(first_name(), &ticket, tickets::now());
        change.replace(&self.path.join(TICKETS_FILE), &tickets::to_text(&[record]))?;
        change.replace(&self.path.join(KEY_FILE), &server_key_to_text(&key))?;
        Ok(key)
    }

    fn key(&self) -> Result<Option<PrivateKey>, StateError> {
        let path = self.path.join(KEY_FILE);
        let Some(text) = files::read_secret(&path)? else { return Ok(None) };
        server_key_from_text(&text).map(Some).map_err(|_| StateError::Key { path })
    }

    /// The key of a folder that must have one: nothing is made.
    fn existing_key(&self) -> Result<PrivateKey, StateError> {
        let none = || StateError::NoKey { path: self.path.clone() };
        os::check_folder(&self.path)?.ok_or_else(none)?;
        self.key()?.ok_or_else(none)
    }

    /// The tickets that a starting proxy2 finds. A file that is missing is none: nobody comes in.
    fn tickets_at_start(&self) -> Result<Vec<TicketRecord>, StateError> {
        match self.tickets() {
            Err(StateError::NoTicketsFile { path }) => {
                warn!(path = %path.display(), "there is no tickets file: proxy2 begins without tickets");
                // On a read-only disk there is none afterwards either.
                let _ = Change::begin(&self.path).and_then(|change| change.replace(&path, ""));
                Ok(Vec::new())
            }
            result => result,
        }
    }

    /// The ticket that a proxy2 of this user on this machine has left for proxy1, if it is valid for its key.
    ///
    /// # Errors
    /// [`StateError::NoTicket`], and those of reading the files.
    pub fn local_ticket(&self) -> Result<Ticket, StateError> {
        let none = || StateError::NoTicket { path: self.path.clone() };
        os::check_folder(&self.path)?.ok_or_else(none)?;
        let key = self.key()?.ok_or_else(none)?.public();
        let tickets = self.list()?;
        let path = self.path.join(LOCAL_TICKET_FILE);
        let local = files::read_secret(&path)?;
        let local = local.map(|text| text.parse().map_err(|error| StateError::Ticket { path, error }));
        let local: Option<Ticket> = local.transpose()?;
        let is_good = |ticket: &Ticket| {
            let holds = |record: &TicketRecord| record.is_valid() && record.client == ticket.client();
            *ticket.server_key() == key && tickets.records.iter().any(holds)
        };
        local.or_else(|| tickets.first_whole(&key)).filter(is_good).ok_or_else(none)
    }
}

/// The ticket in a file that holds nothing else.
///
/// # Errors
/// The file cannot be read, others can read or replace it, or it holds no ticket.
pub fn ticket_from_file(path: &Path) -> Result<Ticket, StateError> {
    let text = files::read_given(path)?.ok_or_else(|| StateError::Missing { path: path.into() })?;
    text.parse().map_err(|error| StateError::Ticket { path: path.into(), error })
}

/// A file that the user names.
#[derive(Debug)]
pub struct NamedFile {
    /// Its text.
    pub text: Zeroizing<String>,
    /// Whether it may hold a secret: nobody else can read or replace it, as it is asked of a ticket file.
    pub is_secret: Result<(), StateError>,
    /// Whether it is a pipe, which says its text once.
    pub is_pipe: bool,
}

/// The text of a file that need not be a secret, at most 64 MiB; of a pipe at most 1 MiB.
///
/// # Errors
/// The file cannot be read, or it is no text.
pub fn read_named(path: &Path) -> Result<NamedFile, StateError> {
    files::read_named(path)?.ok_or_else(|| StateError::Missing { path: path.into() })
}

/// The ticket in the first line of the standard input; waits for it.
///
/// # Errors
/// There is no such line, or it is no ticket.
pub fn ticket_from_stdin() -> Result<Ticket, StateError> {
    let path = Path::new(files::STDIN);
    if io::stdin().is_terminal() {
        // Otherwise it looks as if the program hung.
        let _ = io::stderr().write_all(b"Paste the ticket, one line: ");
    }
    let input = os::stdin().map_err(error::failed("read", path))?;
    let text = files::read_line(input)?.ok_or(StateError::NoLine)?;
    text.parse().map_err(|error| StateError::Ticket { path: path.into(), error })
}

fn first_name() -> TicketName {
    FIRST_TICKET.parse().expect("a plain word is a name")
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
