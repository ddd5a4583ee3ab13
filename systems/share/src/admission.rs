//! How many connections there may be at a time, and how many of one client: nobody takes all the places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many lists one ticket or address has made and sent at a time; more wait.
const LISTS: usize = 16;

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Ticket(String),
    Address(IpAddr),
}

/// Counts connections.
#[derive(Debug)]
pub(crate) struct Admission {
    all: usize,
    each: usize,
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
    lists: Arc<Semaphore>,
}

/// The place of a connection, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    source: Source,
    lists: Arc<Semaphore>,
}

impl Admission {
    /// Of `all` together, and of `each` ticket or address.
    pub(crate) fn new(all: usize, each: usize) -> Self {
        Self { all, each, counts: Mutex::default(), refused: AtomicU64::new(0) }
    }

    /// A place, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, source: Source) -> Option<Admitted> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_this = counts.each.get(&source).map_or(0, |places| places.taken);
        if counts.all >= self.all || of_this >= self.each {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        counts.all += 1;
        let none = || Places { taken: 0, lists: Arc::new(Semaphore::new(LISTS)) };
        let places = counts.each.entry(source.clone()).or_insert_with(none);
        places.taken += 1;
        let lists = Arc::clone(&places.lists);
        Some(Admitted { admission: Arc::clone(self), source, lists })
    }

    /// How many found no place.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Admitted {
    /// Waits until this client may have one more list.
    pub(crate) async fn turn(&self) -> SemaphorePermit<'_> {
        self.lists.acquire().await.expect("it is never closed")
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
    use super::*;

    #[test]
    fn nobody_takes_all_the_places() {
        const ALL: usize = 1_024;
        const EACH: usize = 256;
        let admission = Arc::new(Admission::new(ALL, EACH));
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
}
