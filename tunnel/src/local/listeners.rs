//! Where this process listens for the other ends of its links, and for which of them: so that an address can be handed over.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::forwarding::{Bound, ListenAt};
use crate::link::sealed::StreamPlace;

/// All addresses of a process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listeners(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    held: HashMap<Bound, Entry>,
    /// The TCP addresses among them.
    by_port: HashMap<u16, Vec<SocketAddr>>,
    by_ticket: HashMap<String, usize>,
    claims: u64,
}

#[derive(Debug)]
struct Entry {
    claim: u64,
    holder: Holder,
    /// Closed when the address is free.
    released: watch::Receiver<()>,
}

/// Who holds an address.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// The ticket; `None`: this process itself.
    pub(crate) ticket: Option<String>,
    /// Told that another process of the same ticket wants the address of the registration.
    pub(crate) wanted: mpsc::Sender<u32>,
    /// The holder's number for it.
    pub(crate) registration: u32,
}

/// An address that is held, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    listeners: Listeners,
    at: Bound,
    claim: u64,
    ticket: Option<String>,
    _released: watch::Sender<()>,
}

/// What a forward for the other end holds of this process, freed behind it.
#[derive(Debug)]
pub(crate) struct Kept {
    _held: Held,
    _place: StreamPlace,
}

impl Kept {
    /// The address, and the place of its descriptor.
    pub(crate) const fn new(held: Held, place: StreamPlace) -> Self {
        Self { _held: held, _place: place }
    }
}

/// An address that cannot be held now.
#[derive(Debug)]
pub(crate) enum NotFree {
    /// By another ticket, or this process.
    OfOthers,
    /// By the same ticket: once that is told that it is wanted, it is free when `released` is closed.
    OfSameTicket {
        /// Who holds it.
        holder: Holder,
        /// Closed when it is free.
        released: watch::Receiver<()>,
    },
    /// The ticket listens at as many as it may.
    TooMany,
}

impl Listeners {
    /// Addresses of one ticket; each also takes a descriptor of its share.
    const MAX_OF_TICKET: usize = 1_024;

    /// Holds an address, before it is bound. Any free port is held once it is known, which nobody else can have then.
    ///
    /// # Errors
    /// [`NotFree`].
    pub(crate) fn hold(&self, at: Bound, holder: Holder) -> Result<Held, NotFree> {
        let mut table = self.lock();
        if let Some(entry) = table.find(&at) {
            let is_own = entry.holder.ticket.is_some() && entry.holder.ticket == holder.ticket;
            let (holder, released) = (entry.holder.clone(), entry.released.clone());
            return Err(if is_own { NotFree::OfSameTicket { holder, released } } else { NotFree::OfOthers });
        }
        if let Some(ticket) = &holder.ticket {
            let count = table.by_ticket.entry(ticket.clone()).or_default();
            if *count >= Self::MAX_OF_TICKET {
                return Err(NotFree::TooMany);
            }
            *count += 1;
        }
        table.claims += 1;
        let claim = table.claims;
        let (release, released) = watch::channel(());
        let ticket = holder.ticket.clone();
        table.held.insert(at.clone(), Entry { claim, holder, released });
        if let Some(address) = at.tcp() {
            table.by_port.entry(address.port()).or_default().push(address);
        }
        Ok(Held { listeners: self.clone(), at, claim, ticket, _released: release })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Who holds this address: it, or all addresses, or one of them. Not every system refuses to bind the one beside the other.
    fn find(&self, at: &Bound) -> Option<&Entry> {
        self.held.get(at).or_else(|| {
            let at = at.tcp()?;
            let held = self.by_port.get(&at.port())?;
            let held = held.iter().find(|held| held.ip().is_unspecified() || at.ip().is_unspecified())?;
            self.held.get(&Bound::Tcp(*held))
        })
    }

    fn remove(&mut self, at: &Bound) {
        self.held.remove(at);
        let Some(address) = at.tcp() else { return };
        if let Some(of_port) = self.by_port.get_mut(&address.port()) {
            of_port.retain(|held| *held != address);
            if of_port.is_empty() {
                self.by_port.remove(&address.port());
            }
        }
    }
}

impl From<&ListenAt> for Bound {
    fn from(at: &ListenAt) -> Self {
        match at {
            ListenAt::Tcp(address) => Self::Tcp(*address),
            ListenAt::Udp(address) => Self::Udp(*address),
            ListenAt::Unix(path) => Self::Unix(path.clone()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut table = self.listeners.lock();
        if table.held.get(&self.at).is_some_and(|entry| entry.claim == self.claim) {
            table.remove(&self.at);
        }
        if let Some(ticket) = &self.ticket
            && let Some(count) = table.by_ticket.get_mut(ticket)
        {
            *count -= 1;
            if *count == 0 {
                table.by_ticket.remove(ticket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Bound {
        Bound::Tcp(text.parse().unwrap())
    }

    fn holder(ticket: Option<&str>) -> Holder {
        Holder { ticket: ticket.map(Into::into), wanted: mpsc::channel(1).0, registration: 7 }
    }

    #[tokio::test]
    async fn an_address_is_for_one_and_is_handed_over_within_a_ticket_alone() {
        let listeners = Listeners::default();
        let hold = |text: &str, ticket| listeners.hold(at(text), holder(ticket));
        let held = hold("127.0.0.1:80", Some("one")).unwrap();
        assert!(matches!(hold("127.0.0.1:80", Some("two")), Err(NotFree::OfOthers)));
        assert!(matches!(hold("0.0.0.0:80", None), Err(NotFree::OfOthers)));
        hold("127.0.0.2:80", Some("two")).unwrap();
        let Err(NotFree::OfSameTicket { holder, mut released }) = hold("127.0.0.1:80", Some("one")) else {
            panic!("it is of the same ticket");
        };
        assert_eq!(holder.registration, 7);
        drop(held);
        assert!(released.changed().await.is_err(), "it is free");
        let _own = hold("0.0.0.0:80", None).unwrap();
        assert!(
            matches!(hold("127.0.0.1:80", None), Err(NotFree::OfOthers)),
            "the process hands nothing over"
        );
    }

    #[test]
    fn a_ticket_has_no_more_than_its_part() {
        let listeners = Listeners::default();
        let hold = |port: u16, ticket| listeners.hold(at(&format!("127.0.0.1:{port}")), holder(Some(ticket)));
        let held: Vec<_> = (1..=1_024).map(|port| hold(port, "one").unwrap()).collect();
        assert!(matches!(hold(2_000, "one"), Err(NotFree::TooMany)));
        hold(2_000, "two").unwrap();
        drop(held);
        assert!(listeners.lock().held.is_empty() && listeners.lock().by_ticket.is_empty());
    }
}
