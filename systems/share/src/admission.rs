//! How many connections there may be at a time, how many of them have work done, and how many of each are one client's: nobody
//! takes all the places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// A number for all together, and one for each ticket or address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub all: usize,
    pub each: usize,
}

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Ticket(String),
    Address(IpAddr),
}

/// Counts connections, and those that have something done.
#[derive(Debug)]
pub(crate) struct Admission {
    /// More are refused.
    places: Share,
    /// More wait.
    turns: Share,
    all_turns: Semaphore,
    counts: Mutex<Counts>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    each: HashMap<Source, Places>,
}

#[derive(Debug)]
struct Places {
    taken: usize,
    turns: Arc<Semaphore>,
}

/// The place of a connection, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    source: Source,
    turns: Arc<Semaphore>,
}

/// While it is held, something costly may be done.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    _of_each: SemaphorePermit<'a>,
    _of_all: SemaphorePermit<'a>,
}

impl Admission {
    /// So many connections, and so many that have something done at a time.
    pub(crate) fn new(places: Share, turns: Share) -> Self {
        let all_turns = Semaphore::new(turns.all);
        Self { places, turns, all_turns, counts: Mutex::default(), refused: AtomicU64::new(0) }
    }

    /// A place, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, source: Source) -> Option<Admitted> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_this = counts.each.get(&source).map_or(0, |places| places.taken);
        if counts.all >= self.places.all || of_this >= self.places.each {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        counts.all += 1;
        let none = || Places { taken: 0, turns: Arc::new(Semaphore::new(self.turns.each)) };
        let places = counts.each.entry(source.clone()).or_insert_with(none);
        places.taken += 1;
        let turns = Arc::clone(&places.turns);
        Some(Admitted { admission: Arc::clone(self), source, turns })
    }

    /// How many found no place.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Admitted {
    /// Waits until this client may have one more thing done; first among its own, so that it has no more than its share of those
    /// who wait for all others.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let of_each = self.turns.acquire().await.expect("it is never closed");
        let of_all = self.admission.all_turns.acquire().await.expect("it is never closed");
        Turn { _of_each: of_each, _of_all: of_all }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(places) = counts.each.get_mut(&self.source) {
            places.taken -= 1;
            if places.taken == 0 {
                counts.each.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[test]
    fn nobody_takes_all_the_places() {
        const ALL: usize = 1_024;
        const EACH: usize = 256;
        let turns = Share { all: 64, each: 16 };
        let admission = Arc::new(Admission::new(Share { all: ALL, each: EACH }, turns));
        let of = |name: &str| admission.admit(Source::Ticket(name.into()));
        let greedy: Vec<_> = std::iter::from_fn(|| of("greedy")).collect();
        assert_eq!(greedy.len(), EACH);
        assert!(of("other").is_some());
        drop(greedy);
        assert!(of("greedy").is_some());
        assert!(admission.counts.lock().unwrap().each.is_empty(), "nothing is kept of those who went");
        let many: Vec<_> = (0..ALL).map_while(|n| of(&n.to_string())).collect();
        assert_eq!(many.len(), ALL);
        assert!(of("late").is_none());
        assert_eq!(admission.refused(), 2);
    }
    #[tokio::test]
    async fn who_has_had_its_turns_waits_and_nobody_waits_for_it() {
        let places = Share { all: 8, each: 4 };
        let admission = Arc::new(Admission::new(places, Share { all: 3, each: 2 }));
        let of = |name: &str| admission.admit(Source::Ticket(name.into())).unwrap();
        let greedy: Vec<_> = (0..4).map(|_| of("greedy")).collect();
        let other = of("other");
        let at_once = |place| timeout(Duration::ZERO, Admitted::turn(place));
        let first = at_once(&greedy[0]).await.unwrap();
        let _second = at_once(&greedy[1]).await.unwrap();
        let mut third = Box::pin(greedy[2].turn());
        assert!(timeout(Duration::ZERO, &mut third).await.is_err());
        assert!(at_once(&other).await.is_ok(), "the others have what is left");
        drop(first);
        third.await;
    }
}
