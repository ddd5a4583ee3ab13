//! What can be changed.

use crate::hash::FileId;
use crate::wire::date::is_date;

/// Whom a user belongs to: nobody else acts in its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Whoever connects over plain TCP, as in the course.
    Plain,
    /// The holder of a ticket, of this name.
    Ticket(String),
}

impl Owner {
    /// As it stands in the index. No ticket has an empty name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Plain => "",
            Self::Ticket(name) => name,
        }
    }
}

/// A user, and who acts in its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asker {
    /// The user.
    pub user: String,
    /// Who says so.
    pub owner: Owner,
}

/// Where a user's files are to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// An address, for clients of the course.
    pub ip: String,
    /// The TCP port there; 0 if there is none.
    pub port: u16,
    /// The published name, without the `@`; empty if there is none.
    pub service: String,
}

/// What a file is, if its publisher says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its hash.
    pub id: FileId,
    /// Its size in bytes.
    pub size: u64,
}

/// A change of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub asker: Asker,
    /// Which.
    pub what: What,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The user is new.
    Register,
    /// The user is no more.
    Unregister,
    /// The user is here.
    Connect(Place),
    /// The user goes.
    Disconnect,
    /// The user has a file.
    Publish {
        /// Where it is, on the user's machine.
        path: String,
        /// What the user says of it.
        description: String,
        /// What it is.
        content: Option<Content>,
    },
    /// The user has it no more.
    Delete {
        /// As it was published.
        path: String,
    },
}

/// Whether a user may be called so: a text that a screen shows as it is, and no date.
pub fn is_user_name(name: &str) -> bool {
    !name.is_empty() && !is_date(name) && paso::is_visible(name)
}

/// The part of a path behind the last `/` or `\`.
pub fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
