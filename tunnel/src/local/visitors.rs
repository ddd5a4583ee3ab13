//! How those who come to the other end of a link from elsewhere share its streams: none of them may take so many that another
//! finds none, nor all of them together what the other end needs for itself.

use std::sync::Arc;

use proto::destination::Client;
use proto::ticket::record::TicketName;

use super::grant::PeerRegistration;
use crate::threshold::{SharedPlace, SharedPlaces};

/// Whose clients count together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Visitor {
    /// Those who use names with this ticket, whichever names.
    Ticket(TicketName),
    /// Those of this process's own forwards to names.
    Process,
    /// Those of one address that the other end has registered. Nobody knows who they are.
    Registration(u32),
}

/// A client for a registration of the other end.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The registration.
    pub(crate) registration: Arc<PeerRegistration>,
    /// With whose it counts.
    pub(crate) visitor: Visitor,
}

/// The places of one link for those who come from elsewhere.
#[derive(Debug)]
pub(crate) struct Visitors(SharedPlaces<Visitor>);

/// The place of one of them, free again when it is dropped.
pub(crate) type VisitorPlace = SharedPlace<Visitor>;

impl Visitor {
    /// Who uses a name.
    pub(crate) fn of_name(client: &Client) -> Self {
        client.ticket.clone().map_or(Self::Process, Self::Ticket)
    }
}

impl Visitors {
    /// What is left to the other end for its own clients: one in so many streams.
    const KEPT: usize = 4;

    /// Of a link that may have `streams`.
    pub(crate) fn new(streams: usize) -> Self {
        Self(SharedPlaces::new(streams - streams / Self::KEPT))
    }

    /// A place for one more; `None`: it has its share, or there is none left.
    pub(crate) fn take(&self, visitor: Visitor) -> Option<VisitorPlace> {
        self.0.take(visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_late_finds_a_place_and_the_other_end_keeps_some() {
        let visitors = Visitors::new(4_096);
        let take_all = |number| {
            let places = std::iter::from_fn(|| visitors.take(Visitor::Registration(number)));
            places.collect::<Vec<_>>()
        };
        let held: Vec<_> = (0..5).map(take_all).collect();
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [2_304, 576, 144, 36, 9]);
        drop(held);
        assert_eq!(take_all(9).len(), 2_304, "places come back");
        let least = Visitors::new(1);
        assert!(least.take(Visitor::Process).is_some(), "a link with one stream has it");
    }
}
