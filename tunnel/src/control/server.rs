//! proxy2's side: what its links share, and what a link can do for its proxy1 beside dialling.

mod entrance;
mod listening;
mod relay;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proto::sealed::wire::frame::ResetCode;
use tokio::task::JoinSet;

pub(crate) use self::entrance::Entrance;
pub(crate) use self::relay::{Attempts, Reach};
use self::session::Session;
use crate::link::sealed::{Arrived, Presence, RequestSender, TicketResources};
use crate::local::dial::{DialError, DialSettings};
use crate::local::listeners::Listeners;
use crate::local::pipe::{RelayMemory, pipe};
use crate::local::udp::{Answers, SeenAddress};
use crate::metrics::SharedCounters;
use crate::names::{Names, Service};

/// Control streams of one link: one for its proxy1, one for a program beside it, and room for those that end just now.
const MAX_CONTROLS: usize = 4;
/// Checks of the path of one link: each step of a check has one, which may begin while those before end.
const MAX_CHECKS: usize = 4;

/// What all links of a proxy2 share. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The names that are published here.
    pub(crate) names: Names<Reach>,
    /// Where it listens for others.
    pub(crate) listeners: Listeners,
    /// What streams between links hold.
    pub(crate) memory: RelayMemory,
    /// How it dials.
    pub(crate) dialling: DialSettings,
    /// What is counted.
    pub(crate) counters: SharedCounters,
}

/// What one link of a proxy2 does for its proxy1. Clones are of the same link.
#[derive(Clone, Debug)]
pub(crate) struct LinkPort {
    exchange: Exchange,
    ticket: Arc<TicketResources>,
    requests: RequestSender,
    /// Whether its proxy1 is there.
    presence: Arc<Presence>,
    /// Where its proxy1 is.
    seen: SeenAddress,
    controls: Arc<AtomicUsize>,
    checks: Arc<AtomicUsize>,
}

impl LinkPort {
    /// Of the link that takes `requests`, that says by `presence` whether its proxy1 is there, and by `seen` where it is.
    pub(crate) fn new(
        exchange: Exchange,
        ticket: Arc<TicketResources>,
        requests: RequestSender,
        presence: Arc<Presence>,
        seen: SeenAddress,
    ) -> Self {
        let (controls, checks) = Default::default();
        Self { exchange, ticket, requests, presence, seen, controls, checks }
    }

    /// Begins a control stream, served by one of `tasks`; its local end.
    ///
    /// # Errors
    /// There are as many as there may be.
    pub(crate) fn take_control(&self, tasks: &mut JoinSet<()>) -> Result<Arrived, ResetCode> {
        let place = self.ticket.take_relay()?;
        let open = Counted::new(&self.controls, MAX_CONTROLS)?;
        let (end, stream) = pipe();
        let session = Session::new(self.clone());
        tasks.spawn(async move {
            session.serve(stream).await;
            drop(open);
        });
        Ok(Arrived { stream: end.into(), at: None, place })
    }

    /// Answers a check of the path. No rule has to allow it: it shows nothing of what is behind this end.
    ///
    /// # Errors
    /// There are as many as there may be.
    pub(crate) fn take_check(&self) -> Result<Arrived, ResetCode> {
        let place = self.ticket.take_relay()?;
        let open = Counted::new(&self.checks, MAX_CHECKS)?;
        let answers = Answers::new(self.seen.clone(), self.ticket.check_bytes(), open);
        Ok(Arrived { stream: answers.into(), at: None, place })
    }

    /// A stream to one of the publishers of a name, for this link's proxy1.
    ///
    /// # Errors
    /// Nobody publishes it; what the publisher said that was asked last.
    pub(crate) async fn open(&self, service: &Service) -> Result<Arrived, DialError> {
        let attempts = Attempts::of(&self.exchange, &self.ticket, Some(self.ticket.name()), None);
        attempts.first(service).await
    }
}

/// One of a bounded number of streams of a link.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(all: &Arc<AtomicUsize>, most: usize) -> Result<Self, ResetCode> {
        all.fetch_add(1, Ordering::AcqRel);
        let open = Self(Arc::clone(all));
        if all.load(Ordering::Acquire) > most { Err(ResetCode::Limit) } else { Ok(open) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
