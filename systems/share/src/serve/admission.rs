//! How many connections there may be at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Of one ticket or address: a hundred times what a person's client needs, a quarter of what there is.
const EACH: usize = 256;

/// Of all together.
const ALL: usize = 1_024;

/// Where a connection comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Ticket(String),
    Address(IpAddr),
}

/// Counts connections.
#[derive(Debug, Default)]
pub(super) struct Admission {
    counts: Mutex<Counts>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    each: HashMap<Source, usize>,
}

/// The place of a connection, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    source: Source,
}

impl Admission {
    /// A place, if there is one.
    pub(super) fn admit(self: &Arc<Self>, source: Source) -> Option<Admitted> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_this = counts.each.get(&source).copied().unwrap_or(0);
        if counts.all >= ALL || of_this >= EACH {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        counts.all += 1;
        counts.each.insert(source.clone(), of_this + 1);
        Some(Admitted { admission: Arc::clone(self), source })
    }

    /// How many found no place.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(count) = counts.each.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
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
        let admission = Arc::new(Admission::default());
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
