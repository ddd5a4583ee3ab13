//! proxy2's tickets and their rules on their way from the files to who lets clients in, and the word back that they have been taken.

use proto::ticket::record::{TicketRecord, digest};
use tokio::sync::watch;

use super::rules::TicketRules;

/// A list, as its digest.
pub(super) type Digest = [u8; 32];

/// The tickets of a proxy2, and what they may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketList {
    /// The tickets, valid and revoked.
    pub records: Vec<TicketRecord>,
    /// The rules of those that have their own.
    pub rules: TicketRules,
}

/// What a proxy2 has taken of its tickets and their rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) tickets: Digest,
    pub(super) rules: Digest,
}

/// The tickets of a proxy2, as they change.
#[derive(Clone, Debug)]
pub(crate) struct Tickets {
    list: watch::Receiver<TicketList>,
    taken: watch::Sender<Option<Taken>>,
}

impl Tickets {
    /// The tickets now. Say [`taken`](Self::taken) when they count.
    pub(crate) fn get(&mut self) -> TicketList {
        self.list.borrow_and_update().clone()
    }

    /// From now on these tickets decide who may join, and the links of all others have been told to end; these rules decide what they
    /// may do, and their links have been told to reset what is no longer allowed.
    pub(crate) fn taken(&self, list: &TicketList) {
        self.taken.send_replace(Some(list.taken()));
    }

    /// Waits until there are others than those that [`get`](Self::get) gave; `Err` if there never will be.
    pub(crate) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.list.changed().await
    }

    /// The lists that were taken.
    pub(super) fn confirmations(&self) -> watch::Receiver<Option<Taken>> {
        self.taken.subscribe()
    }
}

impl TicketList {
    pub(super) fn taken(&self) -> Taken {
        Taken { tickets: digest(&self.records), rules: self.rules.digest() }
    }
}

impl From<Vec<TicketRecord>> for TicketList {
    fn from(records: Vec<TicketRecord>) -> Self {
        Self { records, rules: TicketRules::default() }
    }
}

impl From<watch::Receiver<TicketList>> for Tickets {
    fn from(list: watch::Receiver<TicketList>) -> Self {
        Self { list, taken: watch::Sender::new(None) }
    }
}
