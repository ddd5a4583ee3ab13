//! What lets a program join an exit.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proto::ticket::TicketError;
use proto::ticket::place::{PlaceError, Places};
use tunnel::settings::TicketSource;
use tunnel::state::StateError;

/// What lets a program join one exit: whom to trust, who to be, and perhaps where to go. It is one line of text, which
/// [`parse`](str::parse) reads and [`to_text`](Self::to_text) writes.
///
/// It is a secret: erased on drop, and never in the text of its `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(proto::ticket::Ticket);

impl Ticket {
    pub(crate) const fn new(ticket: proto::ticket::Ticket) -> Self {
        Self(ticket)
    }

    pub(crate) fn into_inner(self) -> proto::ticket::Ticket {
        self.0
    }

    /// The ticket in a file that holds nothing else, as `--ticket-file` reads it. Blocks while it is read.
    ///
    /// # Errors
    /// The file cannot be read, others may read it or replace it, or it holds no ticket.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        TicketSource::File(path.into()).find().map(Self)
    }

    /// The ticket that a `proxy2` on this machine keeps for programs of the same user, in its state folder; `None`: the usual one
    /// (`$XDG_STATE_HOME/paso` or `~/.local/state/paso`). Blocks while it is read.
    ///
    /// # Errors
    /// There is no such folder or no ticket in it, or others may read it or replace it.
    pub fn of_this_machine(state: Option<&Path>) -> Result<Self, StateError> {
        TicketSource::State(state.map(Path::to_owned)).find().map(Self)
    }

    /// The same ticket, which says that the exit is at these places, each `HOST:PORT[,PORT…]`: whoever joins with it need not know.
    ///
    /// # Errors
    /// One of them is no place, one stands there twice, or they are too many.
    pub fn at(self, places: &[&str]) -> Result<Self, PlaceError> {
        let places = places.iter().map(|place| place.parse()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(self.0.at(Places::new(places)?)))
    }

    /// The ticket as one line of text without a line end, which is erased when it is dropped.
    pub fn to_text(&self) -> impl Deref<Target = String> + use<> {
        self.0.to_text()
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Reads a ticket. A byte-order mark before it does not matter, nor do blanks and line ends around it and in it, nor does upper
    /// or lower case.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        text.parse().map(Self)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
