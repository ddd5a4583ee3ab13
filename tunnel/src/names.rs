//! The names that are published at this process, by whom, and who wants to hear of them. Values in, values out: what leads to a
//! publisher is a type of the caller's.

mod found;
mod load;
#[cfg(test)]
mod tests;
mod watches;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::destination::ServiceName;
use thiserror::Error;

use self::found::found;
pub(crate) use self::found::{Found, Page};
pub(crate) use self::load::{Load, LoadGuard};
pub(crate) use self::watches::{Change, ChangeKind, NameWatch};
use self::watches::{MAX_IN_ALL as MAX_ALL_WATCHES, MAX_OF_TICKET as MAX_WATCHES, Watches};
use crate::rules::NameGlob;
use crate::threshold;

/// All names of a process. Clones are the same names.
pub(crate) struct Names<R: Reach>(Arc<Mutex<Registry<R>>>);

/// What is published: a name takes streams, or it takes datagrams; one may do each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Service {
    /// The name.
    pub(crate) name: ServiceName,
    /// Whether it takes datagrams.
    pub(crate) udp: bool,
}

/// What leads to a publisher.
pub(crate) trait Reach: Clone {
    /// Whether it does not answer now, as far as is known.
    fn is_silent(&self) -> bool;

    /// Somebody watches a name that it publishes.
    fn keep_watched(&self);
}

#[derive(Debug)]
struct Registry<R> {
    services: BTreeMap<Service, Vec<Publisher<R>>>,
    publications: usize,
    by_ticket: HashMap<String, usize>,
    watches: Watches,
    /// Counts publications and choices.
    clock: u64,
}

#[derive(Debug)]
struct Publisher<R> {
    number: u64,
    /// `None`: this process itself.
    ticket: Option<String>,
    reach: R,
    load: Load,
    /// When it was chosen last.
    chosen: u64,
    /// Those who watch know of it.
    shown: bool,
}

/// A name is published as long as this is there.
pub(crate) struct Publication<R: Reach> {
    names: Names<R>,
    service: Service,
    number: u64,
}

/// Somebody to try.
#[derive(Debug)]
pub(crate) struct Candidate<R> {
    /// What leads there.
    pub(crate) reach: R,
    /// Its open streams.
    pub(crate) load: Load,
}

/// No more can be published, or watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum TooMany {
    /// By this ticket.
    #[error("this ticket has {MAX_OF_TICKET} names, which is as many as one may have; unpublish some")]
    OfTicket,
    /// By this ticket, while the others have so many.
    #[error(
        "this ticket has its share of the {MAX_PUBLICATIONS} names that this proxy2 keeps; unpublish some"
    )]
    Share,
    /// In all.
    #[error(
        "{MAX_PUBLICATIONS} names are published at this proxy2, which is as many as it keeps; unpublish some"
    )]
    InAll,
    /// Of this name.
    #[error(
        "this name has {MAX_PUBLISHERS} publishers, which is as many as one may have; choose another name"
    )]
    OfName,
    /// Of this ticket, of what is watched.
    #[error("this ticket has {MAX_WATCHES} watches, which is as many as one may have; end some")]
    Watches,
    /// Of this ticket, of what is watched, while the others have so many.
    #[error("this ticket has its share of the {MAX_ALL_WATCHES} watches that this proxy2 keeps; end some")]
    WatchesShare,
}

/// Names that one ticket may publish, counted by publisher.
const MAX_OF_TICKET: usize = 4_096;
/// Publications in all: about 200 bytes each.
const MAX_PUBLICATIONS: usize = 65_536;
/// Publishers of one name: all of their tickets fit into one line of a control stream.
const MAX_PUBLISHERS: usize = 64;

/// Names that are looked at in one go, and those who publish what is looked for: whoever publishes, or asks for a name, waits no longer
/// than that takes.
const LOOKED_AT: usize = 256;

impl<R: Reach> Names<R> {
    /// No names.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Registry {
            services: BTreeMap::new(),
            publications: 0,
            by_ticket: HashMap::new(),
            watches: Watches::default(),
            clock: 0,
        })))
    }

    /// Publishes a service, on behalf of `ticket` or of this process itself, until what is returned is dropped.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(crate) fn publish(
        &self,
        service: Service,
        ticket: Option<&str>,
        reach: R,
    ) -> Result<Publication<R>, TooMany> {
        let mut registry = self.lock();
        let number = registry.add(&service, ticket, reach.clone())?;
        let is_watched = registry.tell(&service, ChangeKind::Appeared);
        drop(registry);
        if is_watched {
            reach.keep_watched();
        }
        Ok(Publication { names: self.clone(), service, number })
    }

    /// Who publishes a service, the first to be tried first: those that are known to be silent come last, then the one with the
    /// fewest open streams is first, of equals the one that was first longest ago.
    pub(crate) fn candidates(&self, service: &Service) -> Vec<Candidate<R>> {
        let mut registry = self.lock();
        registry.clock += 1;
        let now = registry.clock;
        let Some(publishers) = registry.services.get_mut(service) else { return Vec::new() };
        let mut order: Vec<_> = publishers.iter_mut().collect();
        order.sort_by_cached_key(|one| (one.reach.is_silent(), one.load.count(), one.chosen));
        if let Some(first) = order.first_mut() {
            first.chosen = now;
        }
        let candidate =
            |one: &mut Publisher<R>| Candidate { reach: one.reach.clone(), load: one.load.clone() };
        order.into_iter().map(candidate).collect()
    }

    /// The services of this form for which `may_use` says yes, behind `after`: as many as take about `room` bytes to be told, of the
    /// next names that are looked at.
    pub(crate) fn find(
        &self,
        glob: &NameGlob,
        after: Option<&Service>,
        room: usize,
        may_use: impl Fn(&ServiceName) -> bool,
    ) -> Page {
        let registry = self.lock();
        let (mut page, mut left) = (Page::default(), room);
        let (mut looked_at, mut last) = (0, None::<&Service>);
        for (service, publishers) in registry.range(glob, after) {
            if looked_at >= LOOKED_AT {
                page.next = last.cloned();
                break;
            }
            last = Some(service);
            if !glob.matches(service.name.as_str()) || !may_use(&service.name) {
                looked_at += 1;
                continue;
            }
            looked_at += publishers.len();
            if left == 0 {
                page.next = page.found.last().map(|found| found.service.clone());
                break;
            }
            let found = found(service, publishers);
            if found.publishers == 0 {
                continue;
            }
            left = left.saturating_sub(found.size());
            page.found.push(found);
        }
        page
    }

    /// Shows what leads to the publishers of services of this form, for which `may_use` says yes, behind `after`: those of the next
    /// names that are looked at. Behind which to go on; `None`: there are no more. Nobody publishes or asks meanwhile.
    pub(crate) fn visit(
        &self,
        glob: &NameGlob,
        after: Option<&Service>,
        may_use: impl Fn(&ServiceName) -> bool,
        mut visit: impl FnMut(&R),
    ) -> Option<Service> {
        let registry = self.lock();
        let (mut looked_at, mut last) = (0, None::<&Service>);
        for (service, publishers) in registry.range(glob, after) {
            if looked_at >= LOOKED_AT {
                return last.cloned();
            }
            last = Some(service);
            if glob.matches(service.name.as_str()) && may_use(&service.name) {
                looked_at += publishers.len();
                publishers.iter().for_each(|one| visit(&one.reach));
            } else {
                looked_at += 1;
            }
        }
        None
    }

    /// Tells of the services of this form that appear or go from now on, on behalf of `ticket`: of those for which `may_use` says yes. It
    /// is asked while nobody else publishes or asks. Those who publish such a service from now on hear once that they are watched; the
    /// others, and all of them again and again, whoever watches [visits](Self::visit).
    ///
    /// # Errors
    /// [`TooMany::Watches`], [`TooMany::WatchesShare`].
    pub(crate) fn watch(
        &self,
        glob: NameGlob,
        ticket: &str,
        may_use: impl Fn(&ServiceName) -> bool + Send + 'static,
    ) -> Result<NameWatch, TooMany> {
        self.lock().watches.add(glob, ticket, Box::new(may_use))
    }

    fn lock(&self) -> MutexGuard<'_, Registry<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Reach> Registry<R> {
    fn add(&mut self, service: &Service, ticket: Option<&str>, reach: R) -> Result<u64, TooMany> {
        if self.publications >= MAX_PUBLICATIONS {
            return Err(TooMany::InAll);
        }
        if self.services.get(service).is_some_and(|all| all.len() >= MAX_PUBLISHERS) {
            return Err(TooMany::OfName);
        }
        if let Some(ticket) = ticket {
            let of_ticket = self.by_ticket.get(ticket).copied().unwrap_or_default();
            if of_ticket >= MAX_OF_TICKET {
                return Err(TooMany::OfTicket);
            }
            if !threshold::allows(of_ticket + 1, MAX_PUBLICATIONS - self.publications - 1) {
                return Err(TooMany::Share);
            }
            self.by_ticket.insert(ticket.into(), of_ticket + 1);
        }
        self.publications += 1;
        self.clock += 1;
        let (number, ticket) = (self.clock, ticket.map(Into::into));
        let publisher = Publisher { number, ticket, reach, load: Load::default(), chosen: 0, shown: true };
        self.services.entry(service.clone()).or_default().push(publisher);
        Ok(number)
    }

    fn remove(&mut self, service: &Service, number: u64) {
        let Some(publishers) = self.services.get_mut(service) else { return };
        let Some(place) = publishers.iter().position(|one| one.number == number) else { return };
        let gone = publishers.remove(place);
        if publishers.is_empty() {
            self.services.remove(service);
        }
        self.publications -= 1;
        if let Some(ticket) = gone.ticket
            && let Some(count) = self.by_ticket.get_mut(&ticket)
        {
            *count -= 1;
            if *count == 0 {
                self.by_ticket.remove(&ticket);
            }
        }
        if gone.shown {
            self.tell(service, ChangeKind::Gone);
        }
    }

    fn show(&mut self, service: &Service, number: u64, shown: bool) {
        let publishers = self.services.get_mut(service);
        let publisher = publishers.and_then(|all| all.iter_mut().find(|one| one.number == number));
        if publisher.is_some_and(|one| std::mem::replace(&mut one.shown, shown) != shown) {
            self.tell(service, if shown { ChangeKind::Appeared } else { ChangeKind::Gone });
        }
    }

    /// The services from the first that is of this form, or from behind `after`, as long as they begin as the form does.
    fn range<'a>(
        &'a self,
        glob: &'a NameGlob,
        after: Option<&'a Service>,
    ) -> impl Iterator<Item = (&'a Service, &'a Vec<Publisher<R>>)> {
        let prefix = glob.literal_prefix();
        // The least name that begins so, if the prefix is one by itself.
        let first = prefix.parse().ok().map(|name| Service { name, udp: false });
        let from = match (after, first) {
            (Some(after), _) => Bound::Excluded(after.clone()),
            (None, Some(first)) => Bound::Included(first),
            (None, None) => Bound::Unbounded,
        };
        let range = self.services.range((from, Bound::Unbounded));
        range.take_while(move |(service, _)| service.name.as_str().starts_with(prefix))
    }

    /// Tells those who watch a service; whether there are any.
    fn tell(&mut self, service: &Service, kind: ChangeKind) -> bool {
        let publishers = self.services.get(service).map_or(&[][..], Vec::as_slice);
        self.watches.tell(&service.name, || Change { kind, found: Arc::new(found(service, publishers)) })
    }
}

impl<R: Reach> Publication<R> {
    /// Tells those who watch that this publisher of the name is silent, or heard again.
    pub(crate) fn show(&self, shown: bool) {
        let mut registry = self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        registry.show(&self.service, self.number, shown);
    }
}

impl<R: Reach> Drop for Publication<R> {
    fn drop(&mut self) {
        let mut registry = self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        registry.remove(&self.service, self.number);
    }
}

impl<R: Reach> Clone for Names<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Reach> fmt::Debug for Names<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl<R: Reach> fmt::Debug for Publication<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publication").field(&self.service).finish()
    }
}
