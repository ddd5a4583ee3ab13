//! What can be asked.

use super::change::{Asker, Content, Place};
use crate::hash::FileId;
use crate::wire::outcome::Outcome;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Who asks: a user who is registered and connected; `None`: the server itself.
    pub asker: Option<Asker>,
    /// What.
    pub what: Question,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Nothing but whether it may ask.
    Presence,
    /// Who is connected.
    Users,
    /// Who is connected over plain TCP.
    PlainUsers,
    /// The files of this user, connected or not.
    ContentOf(String),
    /// Who has this file and is connected.
    Holders(Wanted),
}

/// Which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Of this user, at this path.
    Of {
        /// Who has published it.
        user: String,
        /// As it was published.
        path: String,
    },
    /// The first of the two that there is: clients of the course do not agree on which field is what.
    OfEither([(String, String); 2]),
    /// All that are called so: as the course does, the folders before a name do not count.
    Named(String),
    /// All that are this file.
    Known(FileId),
}

/// The answer, or why there is none.
pub type Answer = Result<Found, Outcome>;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It may ask.
    Presence,
    /// Users and where they are, in the order of their names.
    Users(Vec<(String, Place)>),
    /// Paths, in order.
    Paths(Vec<String>),
    /// Who has the file, at least one.
    Holders(Vec<Holder>),
}

/// Somebody who has a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: String,
    /// Where the user is.
    pub place: Place,
    /// As the user has published it.
    pub path: String,
    /// What it is, if the user says so.
    pub content: Option<Content>,
}
