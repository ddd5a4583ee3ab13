//! What this end has registered at the other, and for whom: all that the other end may open streams to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::destination::Client;
use proto::sealed::wire::frame::ResetCode;
use proto::ticket::record::TicketName;
use tokio::sync::mpsc;

use crate::control::messages::RegistrationId;
use crate::local::dial::OwnTarget;
use crate::local::pipe::PipeStream;
use crate::settings::{ProxyProtocol, ReverseTo};

/// Clients that may wait to be accepted by this process; more are refused.
const BACKLOG: usize = 128;

/// Who has come by a registration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The ticket of the client's end, if it came over a link: by a name.
    pub ticket: Option<TicketName>,
    /// The client's address, if it has one: by an address.
    pub from: Option<SocketAddr>,
}

/// Whom the clients of a registration are for.
#[derive(Clone, Debug)]
pub(crate) enum Recipient {
    /// A target that is dialled, and told who its client is.
    Target(OwnTarget, Option<ProxyProtocol>),
    /// Targets that they ask for themselves, as clients of a SOCKS5 or HTTP proxy.
    AskedFor,
    /// This process, which accepts them.
    Process(Backlog),
}

/// A registration: whom its clients are for, and where they have connected, if that is an address.
pub(crate) type Registered = (Recipient, Option<SocketAddr>);

/// Clients that wait to be accepted.
#[derive(Clone, Debug)]
pub(crate) struct Backlog(mpsc::Sender<(PipeStream, Caller)>);

/// All registrations of an end. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registrations(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    recipients: Mutex<BTreeMap<RegistrationId, Registered>>,
    /// Asked in each turn of a link.
    is_used: AtomicBool,
}

impl Backlog {
    /// An empty one, and where it is taken from.
    pub(crate) fn new() -> (Self, mpsc::Receiver<(PipeStream, Caller)>) {
        let (waits, taken) = mpsc::channel(BACKLOG);
        (Self(waits), taken)
    }

    /// Lets a client wait.
    ///
    /// # Errors
    /// As many wait as may; or nobody accepts any more.
    pub(crate) fn hand_over(&self, stream: PipeStream, client: Client) -> Result<(), ResetCode> {
        let caller = Caller { ticket: client.ticket, from: client.from };
        self.0.try_send((stream, caller)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ResetCode::Limit,
            mpsc::error::TrySendError::Closed(_) => ResetCode::Refused,
        })
    }
}

impl Recipient {
    /// Whether it takes datagrams.
    pub(crate) const fn takes_datagrams(&self) -> bool {
        match self {
            Self::Target(own, _) => own.takes_datagrams(),
            Self::AskedFor | Self::Process(_) => false,
        }
    }

    /// Where clients are carried to, for the log; `None`: this process takes them.
    pub(super) fn target(&self) -> Option<String> {
        match self {
            Self::Target(target, ..) => Some(target.to_string()),
            Self::AskedFor => Some(ReverseTo::AskedFor.to_string()),
            Self::Process(_) => None,
        }
    }
}

impl Registrations {
    /// Registers under a number.
    pub(crate) fn insert(&self, id: RegistrationId, recipient: Recipient) {
        let mut recipients = self.lock();
        recipients.insert(id, (recipient, None));
        self.0.is_used.store(true, Ordering::Release);
    }

    /// Its clients connect there.
    pub(crate) fn set_address(&self, id: RegistrationId, at: Option<SocketAddr>) {
        if let Some((_, address)) = self.lock().get_mut(&id) {
            *address = at;
        }
    }

    /// Nobody may come by this number any more.
    pub(crate) fn remove(&self, id: RegistrationId) {
        let mut recipients = self.lock();
        recipients.remove(&id);
        self.0.is_used.store(!recipients.is_empty(), Ordering::Release);
    }

    /// Whom the clients of a registration are for; `None`: there is none of that number.
    pub(crate) fn recipient(&self, id: RegistrationId) -> Option<Registered> {
        self.lock().get(&id).cloned()
    }

    /// Whether nobody may come.
    pub(crate) fn is_empty(&self) -> bool {
        !self.0.is_used.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RegistrationId, Registered>> {
        self.0.recipients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
