//! One budget of memory for the stream data of a process, divided between its tickets and their links.
//!
//! Nobody's part is fixed. Each may take up to a part of what is *free* (dynamic thresholds; A. K. Choudhury and E. L.
//! Hahne, *Dynamic queue length thresholds for shared-memory packet switches*, 1998): one alone gets much, many get less,
//! and whatever they do there is something left for the next. The last quarter is for links that hold little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The part of the whole, as its divisor, that one ticket may hold.
const TICKET: u64 = 2;

/// The part of the whole, as its divisor, that only links which hold little may use.
const RESERVE: u64 = 4;

/// In each direction a link that holds no more than this holds little, in bytes: the first credit of one stream and a
/// few windows of the smallest size.
const LITTLE: u64 = 160 * 1024;

/// What each direction of a link may hold whatever the others hold, in bytes: two reads from a connection, so that what it
/// carries never stops.
pub(crate) const FLOOR: u64 = 32 * 1024;

/// Memory that links share, in bytes. Clones are the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Node>);

#[derive(Debug)]
struct Node {
    limit: u64,
    used: AtomicU64,
    whole: Option<Budget>,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Node { limit, used: AtomicU64::new(0), whole: None }))
    }

    /// The part of one ticket: its links together hold at most half of the whole, and each takes at most half of
    /// what is free at a time.
    pub fn part(&self) -> Self {
        let limit = self.0.limit / TICKET;
        Self(Arc::new(Node { limit, used: AtomicU64::new(0), whole: Some(self.clone()) }))
    }

    /// Bytes that are held.
    pub fn used(&self) -> u64 {
        self.0.used.load(Relaxed)
    }

    /// Bytes that nobody holds.
    fn free(&self) -> u64 {
        self.0.limit.saturating_sub(self.used())
    }

    /// Bytes that a link may take now; one that holds `little` also of the last quarter, unless its ticket holds more than
    /// is left: many links must not bring a ticket more than one.
    fn allowance(&self, little: bool) -> u64 {
        let own = if little { self.free() } else { self.free().saturating_sub(self.0.limit / RESERVE) / 2 };
        let Some(whole) = &self.0.whole else { return own };
        let greedy = little && self.used() > whole.free();
        if greedy { 0 } else { own.min(whole.allowance(little)) }
    }

    fn take(&self, bytes: u64) {
        self.0.used.fetch_add(bytes, Relaxed);
        self.0.whole.iter().for_each(|whole| whole.take(bytes));
    }

    fn give(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Relaxed);
        self.0.whole.iter().for_each(|whole| whole.give(bytes));
    }
}

/// What one direction of one link holds of a budget; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    limit: u64,
    used: u64,
    budget: Option<Budget>,
}

impl Share {
    /// An empty share of at most `limit` bytes, of nothing that others have part in.
    pub(crate) const fn of(limit: u64) -> Self {
        Self { limit, used: 0, budget: None }
    }

    /// From now on it is a share of `budget`, and of no other.
    pub(crate) fn join(&mut self, budget: &Budget) {
        let used = self.used;
        self.set(0);
        self.budget = Some(budget.clone());
        self.set(used);
    }

    /// The budget that it is a share of.
    pub(crate) const fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }

    /// The most that it may hold, in bytes.
    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes held.
    pub(crate) const fn used(&self) -> u64 {
        self.used
    }

    /// Bytes that may be taken now; a [`FLOOR`] whatever others hold. Links on other threads may take of the same at the same
    /// moment: the whole can be exceeded by one step of each thread, and by the floors.
    pub(crate) fn free(&self) -> u64 {
        let own = self.limit.saturating_sub(self.used);
        self.budget.as_ref().map_or(own, |budget| {
            let left = LITTLE.saturating_sub(self.used);
            let shared = budget.allowance(false).max(left.min(budget.allowance(true)));
            own.min(shared.max(FLOOR.saturating_sub(self.used)))
        })
    }

    /// Holds `bytes` from now on, whatever is free.
    pub(crate) fn set(&mut self, bytes: u64) {
        if let Some(budget) = &self.budget {
            if bytes > self.used {
                budget.take(bytes - self.used);
            } else {
                budget.give(self.used - bytes);
            }
        }
        self.used = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn share(budget: &Budget) -> Share {
        let mut share = Share::of(32 * MIB);
        share.join(budget);
        share
    }

    /// Takes all that `share` may have, in steps as windows grow.
    fn fill(share: &mut Share) {
        while share.free() >= 1_024 {
            share.set(share.used() + share.free() / 2);
        }
    }

    #[test]
    fn one_ticket_leaves_as_much_as_it_takes() {
        let whole = Budget::new(64 * MIB);
        let greedy = whole.part();
        let mut links: Vec<_> = (0..40).map(|_| share(&greedy)).collect();
        links.iter_mut().for_each(fill);
        assert!(greedy.used() <= 32 * MIB, "{} bytes", greedy.used());
        let mut other = share(&whole.part());
        fill(&mut other);
        assert!(other.used() >= 6 * MIB, "{} bytes are left for another ticket", other.used());
        drop(links);
        assert_eq!((greedy.used(), whole.used()), (0, other.used()), "everything comes back");
    }

    #[test]
    fn many_greedy_tickets_leave_something_for_a_link_that_holds_little() {
        let whole = Budget::new(64 * MIB);
        let tickets: Vec<_> = (0..20).map(|_| whole.part()).collect();
        let mut links: Vec<_> = tickets.iter().map(share).collect();
        links.iter_mut().for_each(fill);
        let mut other = share(&whole.part());
        fill(&mut other);
        assert!(other.used() >= LITTLE - 1_024, "{} bytes", other.used());
        assert!(whole.used() <= 64 * MIB);
    }

    #[test]
    fn a_link_has_its_floor_whatever_others_hold_and_many_little_links_are_no_way_around() {
        let whole = Budget::new(16 * MIB);
        let greedy = whole.part();
        let mut links: Vec<_> = (0..400).map(|_| share(&greedy)).collect();
        links.iter_mut().for_each(fill);
        let floors = 400 * FLOOR;
        assert!(whole.used() <= 12 * MIB + floors, "{} bytes", whole.used());
        let mut other = share(&whole.part());
        assert!(other.free() >= FLOOR);
        whole.take(16 * MIB);
        assert_eq!(other.free(), FLOOR);
        other.set(FLOOR);
        assert_eq!(other.free(), 0);
        whole.give(16 * MIB);
    }

    #[test]
    fn a_share_alone_has_all_of_its_limit() {
        let mut share = Share::of(MIB);
        assert_eq!(share.free(), MIB);
        share.set(MIB - 1);
        assert_eq!(share.free(), 1);
    }
}
