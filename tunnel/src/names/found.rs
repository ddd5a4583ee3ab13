//! What is told of names that were looked for.

use super::{Publisher, Reach, Service};

/// A service that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What is published.
    pub(crate) service: Service,
    /// How many publish it.
    pub(crate) publishers: usize,
    /// Their tickets, each once, in order.
    pub(crate) tickets: Vec<String>,
}

/// A part of what was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// In order.
    pub(crate) found: Vec<Found>,
    /// Behind which to go on; `None`: there is nothing more.
    pub(crate) next: Option<Service>,
}

/// What there is of a service: of those who publish it the ones that answer.
pub(super) fn found<R: Reach>(service: &Service, publishers: &[Publisher<R>]) -> Found {
    let there = publishers.iter().filter(|one| !one.reach.is_silent());
    let mut tickets: Vec<_> = there.clone().filter_map(|one| one.ticket.clone()).collect();
    tickets.sort_unstable();
    tickets.dedup();
    Found { service: service.clone(), publishers: there.count(), tickets }
}

impl Found {
    /// About how many bytes it takes to tell it.
    pub(super) fn size(&self) -> usize {
        /// What stands around a name, and around each ticket.
        const AROUND: (usize, usize) = (60, 3);
        let tickets: usize = self.tickets.iter().map(|ticket| ticket.len() + AROUND.1).sum();
        self.service.name.as_str().len() + AROUND.0 + tickets
    }
}
