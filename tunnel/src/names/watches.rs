//! Who wants to hear of names.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use proto::destination::ServiceName;

use super::{Found, Service, TooMany};
use crate::rules::NameGlob;
use crate::threshold;

/// Changes that may wait to be told to one watch; one more, and the watch is over.
const WAITING: usize = 256;
/// Watches of one ticket, over all its links: each costs whoever publishes something, and may hold what waits for it.
pub(super) const MAX_OF_TICKET: usize = 64;
/// Watches in all, beside the first of each ticket: each change is held against all of them, which takes less than a millisecond.
pub(super) const MAX_IN_ALL: usize = 4_096;

/// Something that has happened to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// What.
    pub(crate) kind: ChangeKind,
    /// What there is of it now.
    pub(crate) found: Arc<Found>,
}

/// What has happened to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// It has one publisher more.
    Appeared,
    /// It has one publisher less.
    Gone,
}

/// Tells of changes, in their order.
#[derive(Debug)]
pub(crate) struct NameWatch {
    glob: NameGlob,
    queue: SharedQueue,
}

/// All watches.
#[derive(Debug, Default)]
pub(super) struct Watches(Vec<Watch>);

/// Whether a name may be used by whoever watches.
pub(super) type MayUse = Box<dyn Fn(&ServiceName) -> bool + Send>;

/// One of them.
struct Watch {
    ticket: String,
    glob: NameGlob,
    may_use: MayUse,
    queue: SharedQueue,
}

#[derive(Clone, Debug, Default)]
struct SharedQueue(Arc<Mutex<Queue>>);

/// What waits to be told.
#[derive(Debug, Default)]
struct Queue {
    /// What has changed, in the order of the changes.
    order: VecDeque<Service>,
    changes: HashMap<Service, Changes>,
    /// Nothing comes any more.
    is_over: bool,
    waker: Option<Waker>,
}

/// What waits to be told of one service: the first change, and of all that came then the last.
#[derive(Debug)]
struct Changes {
    first: Change,
    last: Option<Change>,
}

impl NameWatch {
    /// What it is of.
    pub(crate) const fn glob(&self) -> &NameGlob {
        &self.glob
    }

    /// The next change; `None`: more have come than were taken, and nothing more is told.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        let mut queue = self.queue.lock();
        let change = queue.take();
        if change.is_some() || queue.is_over {
            return Poll::Ready(change);
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Watches {
    /// Another one, of a ticket, which hears of what it may use. The first of a ticket is always had, whatever the others have: there are
    /// no more of these than tickets with a link.
    ///
    /// # Errors
    /// The ticket has as many as it may have.
    pub(super) fn add(
        &mut self,
        glob: NameGlob,
        ticket: &str,
        may_use: MayUse,
    ) -> Result<NameWatch, TooMany> {
        self.0.retain(|watch| !watch.queue.is_left());
        let of_ticket = self.0.iter().filter(|watch| watch.ticket == ticket).count();
        if of_ticket >= MAX_OF_TICKET {
            return Err(TooMany::Watches);
        }
        let left = MAX_IN_ALL.checked_sub(self.further() + 1);
        if of_ticket > 0 && !left.is_some_and(|left| threshold::allows(of_ticket, left)) {
            return Err(TooMany::WatchesShare);
        }
        let queue = SharedQueue::default();
        self.0.push(Watch { ticket: ticket.into(), glob: glob.clone(), may_use, queue: queue.clone() });
        Ok(NameWatch { glob, queue })
    }

    /// Watches beside the first of each ticket.
    fn further(&self) -> usize {
        let tickets: HashSet<&str> = self.0.iter().map(|watch| &*watch.ticket).collect();
        self.0.len() - tickets.len()
    }

    /// Tells those that watch this name; whether there are any. A watch that is full is dropped: what it has is still told.
    pub(super) fn tell(&mut self, name: &ServiceName, change: impl Fn() -> Change) -> bool {
        let (mut made, mut is_watched) = (None::<Change>, false);
        self.0.retain(|Watch { glob, may_use, queue, .. }| {
            if queue.is_left() {
                return false;
            }
            if !glob.matches(name.as_str()) || !may_use(name) {
                return true;
            }
            is_watched = true;
            queue.lock().add(made.get_or_insert_with(&change).clone())
        });
        is_watched
    }
}

impl SharedQueue {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody takes what is told.
    fn is_left(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Queue {
    /// Adds a change. False: as many wait as may. However often one service changes, it has two places.
    fn add(&mut self, change: Change) -> bool {
        let service = &change.found.service;
        let changes = self.changes.get_mut(service);
        if let Some(Changes { last: Some(last), .. }) = changes {
            *last = change;
            return true;
        }
        if self.order.len() >= WAITING {
            return false;
        }
        self.order.push_back(service.clone());
        match changes {
            Some(changes) => changes.last = Some(change),
            None => drop(self.changes.insert(service.clone(), Changes { first: change, last: None })),
        }
        self.wake();
        true
    }

    fn take(&mut self) -> Option<Change> {
        let service = self.order.pop_front()?;
        let Changes { first, last } = self.changes.remove(&service)?;
        if let Some(first) = last {
            self.changes.insert(service, Changes { first, last: None });
        }
        Some(first)
    }

    fn wake(&mut self) {
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        queue.is_over = true;
        queue.wake();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("ticket", &self.ticket)
            .field("glob", &self.glob)
            .finish_non_exhaustive()
    }
}
