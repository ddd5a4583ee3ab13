//! An exit's key and the tickets it gives out.

use std::path::PathBuf;

use proto::ticket::record::{RecordError, TicketName};
use tunnel::settings::{RuleError, Rules, StateSource};
use tunnel::state::{MemoryState, StateDir, StateError};

use crate::Ticket;

/// An exit's key and the tickets it gives out: each ticket lets one program join, or one person, and can be revoked by its name.
///
/// Clones are the same state.
#[derive(Clone, Debug)]
pub struct State(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Folder(Option<PathBuf>),
    Memory(MemoryState),
}

/// Why there is no new ticket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewTicketError {
    /// The name is not valid.
    #[error(transparent)]
    Name(#[from] RecordError),
    /// The name is taken, or the folder cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why the rules of a ticket are not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllowError {
    /// The name is not valid.
    #[error(transparent)]
    Name(#[from] RecordError),
    /// One of the rules is none.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// There is no such ticket, it is revoked, or the folder cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl State {
    /// Uses this user's folder, as the program `proxy2` uses it: `~/.local/state/paso` under Linux.
    pub const fn of_user() -> Self {
        Self(Kind::Folder(None))
    }

    /// Uses a folder, which is made when it is first used. `proxy2 ticket list --state FOLDER` shows them, too.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self(Kind::Folder(Some(path.into())))
    }

    /// A new key without a ticket, which lasts as long as this process: for tests, and for programs that hand out their tickets
    /// anew each time.
    pub fn in_memory() -> Self {
        Self(Kind::Memory(MemoryState::new()))
    }

    /// Makes a ticket with this name: 1 to 64 letters, digits, `-`, `_` and dots. It is a secret; only its holder has it. An
    /// exit that runs with this state knows it at once, or within a second where the state is in a folder.
    ///
    /// # Errors
    /// [`NewTicketError`].
    pub fn ticket(&self, name: &str) -> Result<Ticket, NewTicketError> {
        let name: TicketName = name.parse()?;
        let ticket = match &self.0 {
            Kind::Memory(state) => state.add_ticket(name)?,
            Kind::Folder(path) => {
                let folder = StateDir::locate(path.clone())?;
                // Makes the folder and the key where there are none.
                folder.server()?;
                folder.add_ticket(name, proto::ticket::place::Places::default())?
            }
        };
        Ok(Ticket::new(ticket))
    }

    /// Says what the holder of a ticket may do, instead of what the exit allows to all: these rules and nothing else
    /// (`docs/rules.md`). An exit that runs with this state knows it at once, or within a second where the state is in a folder, and
    /// resets the streams that are no longer allowed.
    ///
    /// # Errors
    /// [`AllowError`].
    pub fn allow(&self, ticket: &str, rules: &[&str]) -> Result<(), AllowError> {
        let name: TicketName = ticket.parse()?;
        let rules = Rules::parse(rules.iter().copied())?;
        match &self.0 {
            Kind::Memory(state) => Ok(state.set_rules(&name, Some(rules))?),
            Kind::Folder(path) => Ok(StateDir::locate(path.clone())?.set_rules(&name, Some(rules))?),
        }
    }

    /// Revokes a ticket: its links end, and it lets nobody in any more. Its name stays taken, so that a name in a log means one ticket.
    ///
    /// # Errors
    /// [`NewTicketError`]: there is no such ticket, or the folder cannot be read or written.
    pub fn revoke(&self, name: &str) -> Result<(), NewTicketError> {
        let name: TicketName = name.parse()?;
        match &self.0 {
            Kind::Memory(state) => Ok(state.revoke_ticket(&name)?),
            Kind::Folder(path) => Ok(StateDir::locate(path.clone())?.revoke_ticket(&name)?),
        }
    }

    pub(crate) fn source(&self) -> StateSource {
        match &self.0 {
            Kind::Folder(path) => StateSource::Folder(path.clone()),
            Kind::Memory(state) => state.into(),
        }
    }
}
