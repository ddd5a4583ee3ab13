//! The process's places for streams, and what one ticket may hold of them.
//!
//! A place is a descriptor for the connection to a target. There are as many as the process has descriptors for, and
//! no ticket may take so many that another finds none: see [`threshold`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::names::LoadGuard;
use crate::threshold;

/// All places of the process.
#[derive(Clone, Debug)]
pub(super) struct StreamPlaces(Arc<PlacePool>);

#[derive(Debug)]
struct PlacePool {
    all: usize,
    taken: AtomicUsize,
}

/// What one ticket holds.
#[derive(Debug)]
pub(super) struct TicketShare {
    pool: Arc<PlacePool>,
    taken: Arc<AtomicUsize>,
}

/// The place of one stream, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    pool: Arc<PlacePool>,
    ticket: Arc<AtomicUsize>,
    /// Where the stream also counts, if it goes to a name.
    load: Option<LoadGuard>,
}

impl StreamPlaces {
    /// So many places, all of them free.
    pub(super) fn new(all: usize) -> Self {
        Self(Arc::new(PlacePool { all, taken: AtomicUsize::new(0) }))
    }

    /// The share of a ticket that holds none.
    pub(super) fn share(&self) -> TicketShare {
        TicketShare { pool: Arc::clone(&self.0), taken: Arc::default() }
    }
}

impl TicketShare {
    /// A place for one more stream, if the ticket may have it.
    pub(super) fn take(&self) -> Option<StreamPlace> {
        // Counted first and looked at then: of two threads that want the last place, none or one gets it, never both.
        let place = StreamPlace { pool: Arc::clone(&self.pool), ticket: Arc::clone(&self.taken), load: None };
        let all = self.pool.taken.fetch_add(1, Ordering::AcqRel) + 1;
        let own = self.taken.fetch_add(1, Ordering::AcqRel) + 1;
        let free = self.pool.all.checked_sub(all)?;
        // A process with few descriptors has a place for everybody's first stream as long as there is one.
        threshold::allows(own, free).then_some(place)
    }
}

impl StreamPlace {
    /// The place of a stream that also counts there.
    pub(crate) fn counted(mut self, load: LoadGuard) -> Self {
        self.load = Some(load);
        self
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.pool.taken.fetch_sub(1, Ordering::AcqRel);
        self.ticket.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(share: &TicketShare) -> Vec<StreamPlace> {
        std::iter::from_fn(|| share.take()).collect()
    }

    #[test]
    fn one_ticket_alone_gets_three_quarters() {
        let places = StreamPlaces::new(1_000);
        assert_eq!(take_all(&places.share()).len(), 750);
    }

    #[test]
    fn whoever_comes_late_still_finds_places() {
        let places = StreamPlaces::new(1_000);
        let first = places.share();
        let held = take_all(&first);
        let second = places.share();
        let mut late = take_all(&second);
        assert_eq!(late.len(), 187, "three quarters of what the first had to leave");
        assert!(first.take().is_none());
        // The first may keep what it has; as it lets go, the two become equal.
        drop(held);
        late.extend(take_all(&second));
        assert_eq!(late.len(), 750);
    }

    #[test]
    fn what_is_given_back_is_free_again_and_nothing_is_lost() {
        let places = StreamPlaces::new(8);
        let share = places.share();
        for _ in 0..100 {
            assert_eq!(take_all(&share).len(), 6);
        }
        assert_eq!(places.0.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_last_place_is_for_a_ticket_that_has_none() {
        let places = StreamPlaces::new(2);
        let (first, second) = (places.share(), places.share());
        let held = take_all(&first);
        assert_eq!((held.len(), take_all(&second).len()), (1, 1));
    }
}
