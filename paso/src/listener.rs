//! Clients that come to the exit, for this process.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use proto::destination::DestinationError;
use proto::ticket::record::TicketName;
use tunnel::address::AddressError;
use tunnel::session::{Bound, LinkClosed, NoClients, NotAnswered, NotRegistered, Registration};

use crate::Stream;

/// Clients that the exit takes for this process: at an address of its machine, or under a name. See
/// [`Link::listen`](crate::Link::listen) and [`Link::publish`](crate::Link::publish).
///
/// It outlives the exit: after a restart, or on another link, the exit is asked again, and whoever accepts need not know. Dropped, it ends, and
/// streams that were accepted go on. It does not keep its link: where the link ends, it ends.
pub struct Listener(Registration);

/// Who a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The name of the ticket that the client's link has joined with, if it came to a name; the exit vouches for it.
    pub ticket: Option<TicketName>,
    /// The client's address, as the exit sees it, if it came to an address.
    pub from: Option<SocketAddr>,
}

/// Why the exit does not begin to take clients for this process. It is not asked any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The text is no name, or no path of a socket.
    #[error(transparent)]
    Name(#[from] DestinationError),
    /// The exit says no. Its sentence says why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// It has not answered for so long ([`LinkOptions::listen_within`](crate::LinkOptions::listen_within)).
    #[error("the exit has not answered within {} s", .0.as_secs_f32())]
    NoAnswer(Duration),
    /// The link has been closed.
    #[error("the link has been closed")]
    Closed,
}

/// Why no clients come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The exit does not take clients any more, as when the rule that allowed it was taken away, or when somebody else has the address after
    /// a restart: its sentence. It is asked again every 10 s; call [`Listener::accept`] once more to wait for that, or drop the listener.
    #[error("{0}")]
    Refused(String),
    /// Another process with the same ticket has taken the address over: the exit's sentence. It is not asked again.
    #[error("{0}")]
    TakenOver(String),
    /// The link has been closed.
    #[error("the link has been closed")]
    Closed,
}

/// Why the exit has not answered a question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// What is asked for is no pattern.
    #[error("'{0}' is no name and no pattern of names: letters, digits, '-', '_', '.', with '*' and '?'")]
    Pattern(String),
    /// The exit says no: its sentence.
    #[error("{0}")]
    Refused(String),
    /// The exit does not answer, or not any more: ask again when the link is up.
    #[error("the exit does not answer")]
    NoAnswer,
    /// The link has been closed.
    #[error("the link has been closed")]
    Closed,
}

impl Listener {
    pub(crate) const fn new(registration: Registration) -> Self {
        Self(registration)
    }

    /// The next client, and who it is. The client has been told by then that it is connected. At most 128 clients wait to be
    /// accepted, more are refused.
    ///
    /// It waits without a limit of time, also while the exit is away: clients come again once the link is up, and
    /// [`Link::status`](crate::Link::status) says how that is.
    ///
    /// Cancel safe: a client that was not returned is the next one.
    ///
    /// # Errors
    /// [`AcceptError`]: none come, behind those that came before. Each refusal is told once.
    pub async fn accept(&mut self) -> Result<(Stream, Caller), AcceptError> {
        let (stream, caller) = self.0.accept().await.map_err(AcceptError::of)?;
        Ok((stream, Caller { ticket: caller.ticket, from: caller.from }))
    }

    /// Where clients connect at the exit, with the port filled in; `None`: under a name, or nowhere at the moment.
    pub fn bound(&self) -> Option<Bound> {
        self.0.bound()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("state", &*self.0.state().borrow()).finish()
    }
}

impl ListenError {
    pub(crate) fn of(error: NotRegistered) -> Self {
        match error {
            NotRegistered::Closed(LinkClosed) => Self::Closed,
            NotRegistered::Refused(_) | NotRegistered::NotCarried { .. } | NotRegistered::NotAccepted(_) => {
                Self::Refused(error.to_string())
            }
        }
    }
}

impl AcceptError {
    fn of(error: NoClients) -> Self {
        match error {
            NoClients::Refused(why) => Self::Refused(why),
            NoClients::Lost(why) => Self::TakenOver(why),
            NoClients::Closed(LinkClosed) => Self::Closed,
        }
    }
}

impl AskError {
    pub(crate) fn of(error: NotAnswered) -> Self {
        match error {
            NotAnswered::Refused(why) => Self::Refused(why),
            NotAnswered::Interrupted => Self::NoAnswer,
            NotAnswered::Closed(LinkClosed) => Self::Closed,
        }
    }
}
