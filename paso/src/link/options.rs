//! How a link is joined.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::ticket::place::{Place, PlaceError};
use tokio::time::timeout;
use tunnel::address::HostPorts;
use tunnel::session::{BindError, LinkStatus, Session};
use tunnel::settings::{ClientSettings, Forward, TicketSource};

use super::Link;
use crate::Ticket;

/// What a link is joined with.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    settings: ClientSettings,
    join_within: Duration,
    listen_within: Duration,
}

/// Why a link was not joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The text says no place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A socket cannot be had, or the exit's name is unknown.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The exit lets nobody in with this ticket, for this reason.
    #[error("the exit refuses this ticket: {0}")]
    Refused(String),
    /// Nothing has answered for so long. The ticket may be for another exit: an exit is silent to those it does not know.
    #[error(
        "no answer within {} s: the exit is not there, UDP does not get through, or the ticket is for another exit",
        .0.as_secs_f32()
    )]
    NoAnswer(Duration),
    /// The UDP socket broke meanwhile.
    #[error("the UDP socket failed: {0}")]
    Broken(io::Error),
}

impl LinkOptions {
    /// Longer than an exit that is there takes to answer on any path.
    const WITHIN: Duration = Duration::from_secs(10);

    /// With this ticket; the exit is where the ticket says, if nothing else is said.
    pub fn new(ticket: Ticket) -> Self {
        let settings = ClientSettings::new(TicketSource::Given(ticket.into_inner()), Vec::new());
        Self { settings, join_within: Self::WITHIN, listen_within: Self::WITHIN }
    }

    /// The exit may be here: `HOST:PORT[,PORT…]`. Of several places the first that answers is used, and another when it has gone.
    ///
    /// # Errors
    /// The text says no place.
    pub fn at(mut self, place: &str) -> Result<Self, PlaceError> {
        self.settings.places.push(HostPorts::from(&place.parse::<Place>()?));
        Ok(self)
    }

    /// Carries the clients of this forward from the start.
    #[must_use]
    pub fn forward(mut self, forward: Forward) -> Self {
        self.settings.forwards.push(forward);
        self
    }

    /// How long [`join`](LinkOptions::join) waits for the exit to answer. Default 10 s.
    #[must_use]
    pub const fn join_within(mut self, time: Duration) -> Self {
        self.join_within = time;
        self
    }

    /// How long [`Link::listen`] and [`Link::publish`] wait for the exit's answer: also for its return, while it is away. Default 10 s.
    #[must_use]
    pub const fn listen_within(mut self, time: Duration) -> Self {
        self.listen_within = time;
        self
    }

    /// How long a stream waits for an exit that does not answer; zero: it is refused at once. Default 10 s.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// Joins the exit: waits until it has answered.
    ///
    /// Cancel safe: a link that nobody waits for ends.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn join(self) -> Result<Link, JoinError> {
        let Self { settings, join_within: within, listen_within } = self;
        let mut running = Session::bind(settings).await?.run();
        let link = running.link().expect("a client has a link").clone();
        let mut status = link.status();
        let answered = status.wait_for(|now| matches!(now, LinkStatus::Up { .. } | LinkStatus::Refused(_)));
        let answer = timeout(within, answered).await.map(|answer| answer.map(|now| now.clone()));
        match answer {
            Ok(Ok(LinkStatus::Refused(why))) => return Err(JoinError::Refused(why)),
            Ok(Ok(_)) => {}
            Ok(Err(_)) => {
                let broken = running.ended().await.err();
                return Err(JoinError::Broken(broken.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())));
            }
            Err(_) => return Err(JoinError::NoAnswer(within)),
        }
        let counters = running.counters();
        Ok(Link { link, counters, running: Arc::new(Mutex::new(Some(running))), listen_within })
    }
}
