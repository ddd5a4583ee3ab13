//! What this process asks for, and what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::destination::ServiceName;
use proto::ticket::record::TicketName;
use tokio::sync::{mpsc, oneshot, watch};

use super::registrations::Recipient;
use crate::control::messages::{Asked, FoundName, RegistrationId};
use crate::local::forwarding::Bound;
use crate::rules::NameGlob;
use crate::settings::ReverseAt;

/// A command to the task that keeps the control stream. Only this process itself gives them, so their queue has no bound.
#[derive(Debug)]
pub(crate) enum Command {
    /// Have proxy2 take clients there.
    Register {
        /// Where.
        at: ReverseAt,
        /// For whom.
        recipient: Recipient,
        /// Told how it is.
        state: watch::Sender<RegistrationState>,
        /// Told its number.
        number: oneshot::Sender<RegistrationId>,
    },
    /// End the registrations there that take datagrams, or those that take streams; says whether there were any.
    UnregisterAt(ReverseAt, bool, oneshot::Sender<bool>),
    /// End a registration.
    Unregister(RegistrationId),
    /// Ask something.
    Ask(Question),
    /// Tell of names from now on.
    Watch(NameGlob, NameFeed, oneshot::Sender<Result<(), String>>),
    /// Tell the log, once, why a stream there is forbidden: the text of a destination, as it stands on the wire.
    Explain(Vec<u8>),
}

/// A question, and who waits for the answer: dropped without one if the control stream is lost.
#[derive(Debug)]
pub(crate) enum Question {
    /// Which names there are.
    Find(NameGlob, oneshot::Sender<Result<Vec<ServiceInfo>, String>>),
    /// Who this end is.
    WhoAmI(oneshot::Sender<Result<Identity, String>>),
    /// Why a stream to this destination is forbidden.
    Why(String, oneshot::Sender<Option<String>>),
}

impl Question {
    /// How it is asked.
    pub(super) fn asked(&self) -> Asked {
        match self {
            Self::Find(glob, _) => Asked::Find { glob: glob.to_string() },
            Self::WhoAmI(_) => Asked::WhoAmI,
            Self::Why(destination, _) => Asked::Why { destination: destination.clone() },
        }
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Find(_, answer) => answer.is_closed(),
            Self::WhoAmI(answer) => answer.is_closed(),
            Self::Why(_, answer) => answer.is_closed(),
        }
    }
}

/// How a registration is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RegistrationState {
    /// It has been, or will be, asked for: also again, after a restart of proxy2 or another link.
    #[default]
    Pending,
    /// proxy2 takes clients: at this address, with its port, or under the name (`None`).
    Held(Option<Bound>),
    /// proxy2 does not, or not any more, and this is why. It is asked for again now and then.
    Refused(String),
    /// Another process of the same ticket has taken it over. It is not asked for again.
    Lost(String),
}

/// A name that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceInfo {
    /// The name.
    pub name: ServiceName,
    /// Whether it takes datagrams.
    pub udp: bool,
    /// How many publish it.
    pub publishers: usize,
    /// Their tickets, each once; proxy2 itself has none.
    pub tickets: Vec<String>,
}

impl ServiceInfo {
    /// What a line says; `None`: no name of this version.
    pub(super) fn read(found: FoundName) -> Option<Self> {
        let FoundName { name, udp, publishers, tickets } = found;
        let is_name = |ticket: &String| ticket.parse::<TicketName>().is_ok();
        let tickets = tickets.into_iter().filter(is_name).collect();
        Some(Self { name: name.parse().ok()?, udp, publishers, tickets })
    }
}

/// A change in who publishes a name. Where changes of one name come faster than they are taken, those between the first and the last may
/// be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameEvent {
    /// One more publishes the name. The number of publishers is the one after the change.
    Appeared(ServiceInfo),
    /// One less publishes the name. The number of publishers is the one after the change: with 0 the name is gone.
    Gone(ServiceInfo),
}

/// Where the changes that one watch is told of go.
#[derive(Clone, Debug)]
pub(crate) struct NameFeed {
    events: mpsc::Sender<NameEvent>,
    is_overrun: Arc<AtomicBool>,
}

impl NameFeed {
    /// A new one; where its changes are taken from, and whether it was overrun.
    pub(crate) fn new(room: usize) -> (Self, mpsc::Receiver<NameEvent>, Arc<AtomicBool>) {
        let (events, taken) = mpsc::channel(room);
        let is_overrun = Arc::<AtomicBool>::default();
        (Self { events, is_overrun: Arc::clone(&is_overrun) }, taken, is_overrun)
    }

    /// Tells of a change. False: nobody takes them, or not as fast as they come; then the watch is over.
    pub(super) fn tell(&self, event: NameEvent) -> bool {
        self.events.try_send(event).map_err(|_| self.overrun()).is_ok()
    }

    /// Some changes are not told of.
    pub(super) fn overrun(&self) {
        self.is_overrun.store(true, Ordering::Release);
    }

    /// Whether nobody takes them any more.
    pub(super) fn is_closed(&self) -> bool {
        self.events.is_closed()
    }
}

/// Who this end is to the other one, as its ticket says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The name of the ticket that this end has joined with.
    pub ticket: String,
    /// The rules that hold for that ticket now: its own, or those for all tickets that have none of their own.
    pub rules: Vec<String>,
}
