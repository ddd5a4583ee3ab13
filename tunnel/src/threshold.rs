//! The dynamic threshold by which the tickets of a proxy2 share what it has a fixed number of, as the ports of a switch share its
//! memory (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many times what is free one may hold. Less would leave more unused that nobody wants; more would leave less to one that
/// comes last.
const SHARE: usize = 3;

/// Whether one may hold so many while so many are free. Alone it gets three quarters; `n` that want all they can get have
/// `3 / (3 n + 1)` each, and always leave `1 / (3 n + 1)` to those that have nothing yet. The first is had as long as there is one.
pub(crate) fn allows(held: usize, free: usize) -> bool {
    held <= free.saturating_mul(SHARE).max(1)
}

/// A fixed number of places, of which each of many holders may have a share. Clones are the same places.
#[derive(Clone, Debug)]
pub(crate) struct SharedPlaces<K>(Arc<Pool<K>>);

#[derive(Debug)]
struct Pool<K> {
    all: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    /// Those who hold one at least.
    by: HashMap<K, usize>,
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct SharedPlace<K: Clone + Eq + Hash> {
    places: SharedPlaces<K>,
    holder: K,
}

impl<K: Clone + Eq + Hash> SharedPlaces<K> {
    /// So many, all of them free.
    pub(crate) fn new(all: usize) -> Self {
        Self(Arc::new(Pool { all, taken: Mutex::new(Taken { all: 0, by: HashMap::new() }) }))
    }

    /// One more for this holder, if it may have it.
    pub(crate) fn take(&self, holder: K) -> Option<SharedPlace<K>> {
        let mut taken = self.lock();
        let free = self.0.all.checked_sub(taken.all + 1)?;
        let held = taken.by.get(&holder).map_or(1, |held| held + 1);
        if !allows(held, free) {
            return None;
        }
        taken.all += 1;
        taken.by.insert(holder.clone(), held);
        Some(SharedPlace { places: self.clone(), holder })
    }

    /// How many are taken, and by how many holders.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> (usize, usize) {
        let taken = self.lock();
        (taken.all, taken.by.len())
    }

    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Drop for SharedPlace<K> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        match taken.by.get_mut(&self.holder) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(taken.by.remove(&self.holder)),
        }
    }
}
