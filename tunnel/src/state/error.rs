//! Why state cannot be had.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::ticket::TicketError;
use proto::ticket::record::{RecordError, TicketName};

use super::rules::RulesLineError;
use crate::descriptors;

/// Why state cannot be had. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No place for the folder is known.
    #[error(
        "this user has no home folder that could hold keys and tickets: name a folder for them (--state DIR), or give \
         proxy1 its ticket (--ticket-file or PASO_TICKET)"
    )]
    NoHome,
    /// The system refused.
    #[error("cannot {action} {}: {}", path.display(), descriptors::explain(error))]
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
    #[error("{} is not a folder: name one (--state DIR)", path.display())]
    NoFolder {
        /// The name.
        path: PathBuf,
    },
    /// Bytes that are no text.
    #[error("{} is not text", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// Text of two bytes a character.
    #[error("{} is UTF-16 text, as PowerShell's `>` writes it: save it as UTF-8 or ASCII", path.display())]
    Utf16 {
        /// The file.
        path: PathBuf,
    },
    /// The standard input ended, or its first line was blank.
    #[error("there is no ticket on standard input: give it as one line, like `--ticket-file - < FILE`")]
    NoLine,
    /// A first line of the standard input that no ticket has.
    #[error(
        "the first line of standard input has more than {most} bytes, and a ticket has at most 577: give the ticket as one line"
    )]
    LongLine {
        /// So many bytes are read.
        most: usize,
    },
    /// A pipe, a device or a symbolic link where a file should be.
    #[error("{} is not a regular file: put the file itself there", path.display())]
    NoFile {
        /// The name.
        path: PathBuf,
    },
    /// A secret that is none any more.
    #[error("others can read {}, so what is in it is no secret: run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A pipe or a device that is named as a ticket file.
    #[error("{} is not a regular file: put the ticket into one, or give it with `--ticket-file -`", path.display())]
    NoTicketFile {
        /// The name.
        path: PathBuf,
    },
    /// A ticket file that strangers can read, as far as is known.
    #[error(
        "others can read {}, so what is in it is no secret: run `chmod 600 {}`, keep it below a folder that only you can \
         enter, or give the ticket with `--ticket-file -` (docs/secrets.md says how containers and services give it)",
        path.display(),
        path.display()
    )]
    ExposedTicket {
        /// The file.
        path: PathBuf,
    },
    /// A folder in which others could put another key or ticket, or one above it.
    #[error(
        "others can write to {}, and could put another {purpose} in place: run `chmod go-w {}` or {}",
        path.display(),
        path.display(),
        purpose.instead()
    )]
    Open {
        /// The folder.
        path: PathBuf,
        /// What would be in it.
        purpose: Purpose,
    },
    /// The same, for a group.
    #[error(
        "the group with number {group} can write to {}, and it is not known to be one of this user alone: its members could put \
         another {purpose} in place; run `chmod g-w {}` or {}",
        path.display(),
        path.display(),
        purpose.instead()
    )]
    OpenToGroup {
        /// The folder.
        path: PathBuf,
        /// Its group.
        group: u32,
        /// What would be in it.
        purpose: Purpose,
    },
    /// Something of another user, who could put another key in place.
    #[error(
        "{} belongs to the user with number {owner}, who could put another {purpose} in place: run this program as that \
         user, give it to yours with `chown`, or {}",
        path.display(),
        purpose.instead()
    )]
    Foreign {
        /// The file, folder or symbolic link.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// What it is for.
        purpose: Purpose,
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
    /// A line of the rules file is damaged.
    #[error("line {line} of {}: {error}", path.display())]
    Rules {
        /// The file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong.
        error: RulesLineError,
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
        "no ticket: start proxy2 on this machine first, as this user (it leaves one in {}, and no valid one is there); or make \
         one where proxy2 runs, with `proxy2 ticket add NAME`, and give it with --ticket-file or the variable PASO_TICKET",
        path.display()
    )]
    NoTicket {
        /// Where a local one would be.
        path: PathBuf,
    },
    /// A command for the tickets of a folder that has no key.
    #[error(
        "no proxy2 has its key in {}: name the folder of yours (--state DIR), or start proxy2 once",
        path.display()
    )]
    NoKey {
        /// The folder.
        path: PathBuf,
    },
    /// The tickets file is gone.
    #[error(
        "the tickets file {} is missing: put it back, or start proxy2 again to begin without tickets",
        path.display()
    )]
    NoTicketsFile {
        /// The file.
        path: PathBuf,
    },
    /// A new ticket with a name that is taken.
    #[error("a ticket named '{0}' exists already: choose another name")]
    NameTaken(TicketName),
    /// A new ticket with the name of a revoked one.
    #[error("a ticket named '{0}' was revoked, and a name is not used twice: choose another name")]
    NameRevoked(TicketName),
    /// There is no ticket of that name.
    #[error("no ticket is named '{0}': check the name (`proxy2 ticket list` shows those of a folder)")]
    NoSuchName(TicketName),
    /// Rules for a ticket that is revoked.
    #[error(
        "the ticket '{0}' is revoked and may do nothing any more: use a valid one (`proxy2 ticket list` shows those of a folder)"
    )]
    Revoked(TicketName),
    /// Somebody else changes the tickets.
    #[error("another program is changing the tickets in {}: try again in a moment", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A running proxy2 does not say that it has taken a change.
    #[error(
        "the change is in {}, but a running proxy2 has not confirmed it in {} s: its links may go on as before; read its \
         log, or stop it",
        path.display(),
        waited.as_secs()
    )]
    Unconfirmed {
        /// The folder.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// What a file is for, and so what can be done instead of using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The state folder.
    State,
    /// A ticket that the user names.
    Ticket,
}

impl Purpose {
    const fn instead(self) -> &'static str {
        match self {
            Self::State => "name another folder (--state DIR)",
            Self::Ticket => "give the ticket itself (`--ticket-file -` reads it from standard input)",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::State => "key",
            Self::Ticket => "ticket",
        })
    }
}

impl StateError {
    /// Whether there was no room to write.
    pub(super) fn is_no_room(&self) -> bool {
        let Self::Io { error, .. } = self else { return false };
        matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        )
    }
}

/// What makes an error of the system's into one that says what was tried, and with what.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    move |error| StateError::Io { action, path: path.into(), error }
}
