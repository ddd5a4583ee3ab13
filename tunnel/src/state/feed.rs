//! proxy2's tickets on their way from the file to who lets clients in, and the word back that they have been taken.

use proto::ticket::record::{TicketRecord, digest};
use tokio::sync::watch;

/// A list of tickets, as its digest.
pub(super) type Digest = [u8; 32];

/// The tickets of a proxy2, as they change.
#[derive(Clone, Debug)]
pub(crate) struct Tickets {
    list: watch::Receiver<Vec<TicketRecord>>,
    taken: watch::Sender<Option<Digest>>,
}

impl Tickets {
    /// The tickets now. Say [`taken`](Self::taken) when they count.
    pub(crate) fn get(&mut self) -> Vec<TicketRecord> {
        self.list.borrow_and_update().clone()
    }

    /// From now on these tickets decide who may join, and the links of all others have been told to end.
    pub(crate) fn taken(&self, records: &[TicketRecord]) {
        self.taken.send_replace(Some(digest(records)));
    }

    /// Waits until there are others than those that [`get`](Self::get) gave; `Err` if there never will be.
    pub(crate) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.list.changed().await
    }

    /// The lists that were taken.
    pub(super) fn confirmations(&self) -> watch::Receiver<Option<Digest>> {
        self.taken.subscribe()
    }
}

impl From<watch::Receiver<Vec<TicketRecord>>> for Tickets {
    fn from(list: watch::Receiver<Vec<TicketRecord>>) -> Self {
        Self { list, taken: watch::Sender::new(None) }
    }
}
