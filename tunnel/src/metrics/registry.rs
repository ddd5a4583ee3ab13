//! Who counts, and what all of them have counted together.
//!
//! Each task counts in plain numbers of its own and publishes them at the end of a turn, so counting takes no lock. The registry
//! has the sum of all of them, those of links that have ended among them, and the values of each living link.

mod own_counters;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use self::own_counters::Published;
pub(crate) use self::own_counters::{OwnCounters, SharedCounters};
use super::{Counters, LinkKind, log_lines};
use crate::clock::Clock;
use crate::link::asking::Asker;

/// The counters of a session. Clones are the same registry.
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<SharedCounts>);

#[derive(Debug, Default)]
struct SharedCounts {
    totals: watch::Sender<Counters>,
    /// The same as it was when something else than packets and bytes changed last.
    without_traffic: watch::Sender<Counters>,
    links: Mutex<LinkCounts>,
}

/// The living links, by the order in which they were made.
#[derive(Debug, Default)]
struct LinkCounts {
    made: u64,
    living: BTreeMap<u64, LivingLink>,
    /// What the links that have ended had counted, by the names of their tickets.
    ended: BTreeMap<String, Counters>,
}

impl LinkCounts {
    /// Tickets of which that is kept: 1 MB. It is more than a proxy2 has, and names can be made anew for ever.
    const MAX_TICKETS: usize = 1_024;

    fn end(&mut self, link: u64) {
        let Some(LivingLink { labels: LinkLabels { ticket: Some(ticket), .. }, published, .. }) =
            self.living.remove(&link)
        else {
            return;
        };
        if self.ended.len() < Self::MAX_TICKETS || self.ended.contains_key(&ticket) {
            self.ended.entry(ticket).or_default().add(&published.load());
        }
    }
}

#[derive(Debug)]
struct LivingLink {
    labels: LinkLabels,
    since: u64,
    published: Arc<Published>,
    asker: Option<Asker>,
}

/// A living link that can be asked.
#[derive(Clone, Debug)]
pub(crate) struct AskedLink {
    /// Which link.
    pub(crate) labels: LinkLabels,
    /// When it began: milliseconds since 1970.
    pub(crate) since: u64,
    /// How to ask it; `None`: nobody answers.
    pub(crate) asker: Option<Asker>,
    published: Arc<Published>,
}

impl AskedLink {
    /// What it has counted by now.
    pub(crate) fn counters(&self) -> Counters {
        self.published.load()
    }
}

/// What distinguishes one link from the others of its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLabels {
    /// What it is.
    pub kind: LinkKind,
    /// Its number in the log. A classic session counts as one link, whoever its peers are.
    pub number: u64,
    /// The name of the ticket that it was made with, where it is known: at proxy2.
    pub ticket: Option<String>,
    /// The peer's address, once it is known; it may change. None at a classic proxy2, which has many.
    pub peer: Option<SocketAddr>,
}

/// The counters of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkCounters {
    /// Which link.
    pub labels: LinkLabels,
    /// What it has counted.
    pub counters: Counters,
}

impl Registry {
    /// What all links have counted since the start, those that have ended too, and what the process counts beside them.
    pub fn totals(&self) -> Counters {
        let lines = log_lines();
        Counters {
            log_lines_held_back: lines.held_back,
            log_lines_dropped: lines.dropped,
            ..*self.0.totals.borrow()
        }
    }

    /// The same whenever something has changed, so that somebody can wait for it. Without the lines of the log, which are counted
    /// for the process.
    pub fn subscribe(&self) -> watch::Receiver<Counters> {
        self.0.totals.subscribe()
    }

    /// The same for whoever asks for nothing that moves with each packet: packets of idle links wake nobody.
    pub fn subscribe_without_traffic(&self) -> watch::Receiver<Counters> {
        self.0.without_traffic.subscribe()
    }

    /// What each living link has counted, the oldest first.
    pub fn links(&self) -> Vec<LinkCounters> {
        let read =
            |link: &LivingLink| LinkCounters { labels: link.labels.clone(), counters: link.published.load() };
        self.lock().living.values().map(read).collect()
    }

    /// What the links of each ticket have counted since the start, those that have ended too. Of tickets beyond the first 1,024 only
    /// what lives.
    pub fn tickets(&self) -> BTreeMap<String, Counters> {
        let links = self.lock();
        let mut tickets = links.ended.clone();
        for link in links.living.values() {
            let Some(ticket) = &link.labels.ticket else { continue };
            tickets.entry(ticket.clone()).or_default().add(&link.published.load());
        }
        tickets
    }

    /// How to ask each living link, the oldest first, and how many there are beyond the first `most`.
    pub(crate) fn asked_links(&self, most: usize) -> (Vec<AskedLink>, usize) {
        let read = |link: &LivingLink| AskedLink {
            labels: link.labels.clone(),
            since: link.since,
            asker: link.asker.clone(),
            published: Arc::clone(&link.published),
        };
        let links = self.lock();
        (links.living.values().take(most).map(read).collect(), links.living.len().saturating_sub(most))
    }

    /// How to ask the link with that number.
    pub(crate) fn asker_of(&self, number: u64) -> Option<Asker> {
        self.lock().living.values().find(|link| link.labels.number == number)?.asker.clone()
    }

    /// Counters of a task that serves no link in particular.
    pub(crate) fn of_process(&self) -> OwnCounters {
        self.own(None)
    }

    /// Counters of the task of one link, which lives until they are dropped and can be asked so.
    pub(crate) fn of_link(&self, labels: LinkLabels, asker: Option<Asker>) -> OwnCounters {
        self.own(Some((labels, asker)))
    }

    fn own(&self, labels: Option<(LinkLabels, Option<Asker>)>) -> OwnCounters {
        let published = Arc::new(Published::default());
        let peer = labels.as_ref().and_then(|(labels, _)| labels.peer);
        let link = labels.map(|(labels, asker)| {
            let mut links = self.lock();
            links.made += 1;
            let link = links.made;
            let (since, published) = (Clock::unix_ms(), Arc::clone(&published));
            links.living.insert(link, LivingLink { labels, since, published, asker });
            link
        });
        OwnCounters::new(self.clone(), published, link, peer)
    }

    /// Adds what a task has counted since it last did. `at_once`: somebody may wait for some of it.
    fn add_change(&self, old: &[u64; Counters::NUMBER], new: &[u64; Counters::NUMBER], at_once: bool) {
        let Self(shared) = self;
        shared.totals.send_modify(|totals| totals.add_change(old, new));
        if at_once {
            // Read there, so that what was added last is what stays.
            shared.without_traffic.send_modify(|totals| *totals = *shared.totals.borrow());
        }
    }

    fn lock(&self) -> MutexGuard<'_, LinkCounts> {
        // Nothing panics with the lock, and any state of the map is a valid one.
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn labels(number: u64) -> LinkLabels {
        LinkLabels { kind: LinkKind::Sealed, number, ticket: Some(format!("ticket-{number}")), peer: None }
    }

    #[test]
    fn the_sums_keep_what_links_that_ended_have_counted() {
        let registry = Registry::default();
        let (mut one, mut other) = (registry.of_link(labels(1), None), registry.of_link(labels(2), None));
        (one.streams, one.sent_bytes) = (3, 100);
        (other.streams, other.sent_bytes) = (4, 20);
        one.publish(Instant::now());
        other.publish(Instant::now());
        assert_eq!((registry.totals().streams, registry.totals().sent_bytes), (7, 120));
        let bytes: Vec<_> =
            registry.links().iter().map(|link| (link.labels.number, link.counters.sent_bytes)).collect();
        assert_eq!(bytes, [(1, 100), (2, 20)]);
        drop(one);
        assert_eq!((registry.totals().streams, registry.totals().sent_bytes), (4, 120));
        assert_eq!(registry.links().iter().map(|link| link.labels.number).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_sums_of_a_ticket_keep_what_its_links_that_ended_have_counted() {
        let registry = Registry::default();
        let of = |number, ticket: &str| LinkLabels { ticket: Some(ticket.into()), ..labels(number) };
        let mut links =
            [(1, "a"), (2, "a"), (3, "b")].map(|(number, ticket)| registry.of_link(of(number, ticket), None));
        for (link, bytes) in links.iter_mut().zip([1, 20, 300]) {
            (link.sent_bytes, link.streams) = (bytes, 1);
            link.publish(Instant::now());
        }
        let [first, ..] = links;
        drop(first);
        let sums = |ticket: &str| registry.tickets().get(ticket).map(|sum| (sum.sent_bytes, sum.streams));
        assert_eq!((sums("a"), sums("b"), sums("c")), (Some((21, 1)), Some((300, 1)), None));
    }

    #[test]
    fn a_gauge_that_falls_lowers_the_sum() {
        let registry = Registry::default();
        let mut own = registry.of_process();
        own.streams = 3;
        own.publish(Instant::now());
        own.streams = 1;
        own.publish(Instant::now());
        assert_eq!(registry.totals().streams, 1);
        assert!(registry.links().is_empty());
    }

    #[tokio::test]
    async fn packets_wake_nobody_who_does_not_wait_for_them() {
        let registry = Registry::default();
        let (mut all, mut rare) = (registry.subscribe(), registry.subscribe_without_traffic());
        let mut own = registry.of_process();
        own.datagrams_received = 5;
        own.publish(Instant::now());
        assert!(all.has_changed().unwrap() && !rare.has_changed().unwrap());
        (own.datagrams_received, own.streams) = (6, 2);
        own.publish(Instant::now());
        assert!(rare.has_changed().unwrap());
        assert_eq!(*all.borrow_and_update(), *rare.borrow_and_update());
        drop(own);
        assert!(rare.has_changed().unwrap(), "its streams are over");
        assert_eq!(rare.borrow_and_update().streams, 0);
    }

    #[test]
    fn a_link_shows_where_its_peer_is_now() {
        let registry = Registry::default();
        let mut own = registry.of_link(labels(1), None);
        assert_eq!(registry.links()[0].labels, labels(1));
        let peer = "192.0.2.1:5000".parse().ok();
        own.set_peer(peer);
        assert_eq!(registry.links()[0].labels, LinkLabels { peer, ..labels(1) });
    }
}
