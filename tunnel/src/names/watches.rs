//! Who wants to hear of names.

use std::sync::Arc;
use std::task::{Context, Poll};

use proto::destination::ServiceName;
use tokio::sync::{mpsc, watch};

use super::Found;
use crate::rules::NameGlob;

/// Changes that may wait to be told to one watch; one more, and the watch is over.
const WAITING: usize = 256;
/// Watches of one ticket, over all its links: each costs whoever publishes something, and may hold what waits for it.
pub(super) const MAX_OF_TICKET: usize = 64;

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
pub(crate) struct NameWatch(mpsc::Receiver<Change>);

impl NameWatch {
    /// The next change; `None`: more have come than were taken, and nothing more is told.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self.0.poll_recv(cx)
    }
}

/// All watches.
#[derive(Debug, Default)]
pub(super) struct Watches {
    open: Vec<Watch>,
    added: watch::Sender<()>,
}

/// One of them.
#[derive(Debug)]
struct Watch {
    ticket: String,
    glob: NameGlob,
    tell: mpsc::Sender<Change>,
}

impl Watches {
    /// Another one, of a ticket; `None`: it has as many as it may have.
    pub(super) fn add(&mut self, glob: NameGlob, ticket: &str) -> Option<NameWatch> {
        self.any();
        if self.open.iter().filter(|watch| watch.ticket == ticket).count() >= MAX_OF_TICKET {
            return None;
        }
        let (tell, told) = mpsc::channel(WAITING);
        self.open.push(Watch { ticket: ticket.into(), glob, tell });
        self.added.send_replace(());
        Some(NameWatch(told))
    }

    /// Changes when one is added.
    pub(super) fn added(&self) -> watch::Receiver<()> {
        self.added.subscribe()
    }

    /// Whether there is any.
    pub(super) fn any(&mut self) -> bool {
        self.open.retain(|watch| !watch.tell.is_closed());
        !self.open.is_empty()
    }

    /// Whether one of them is of this name.
    pub(super) fn contain(&self, name: &ServiceName) -> bool {
        self.open.iter().any(|watch| !watch.tell.is_closed() && watch.glob.matches(name.as_str()))
    }

    /// Tells those that watch this name, if there are any. A watch that is full is dropped: what it has is still told.
    pub(super) fn tell(&mut self, name: &ServiceName, change: impl FnOnce() -> Change) {
        if self.open.is_empty() {
            return;
        }
        let change = change();
        self.open.retain(|Watch { glob, tell, .. }| {
            !glob.matches(name.as_str()) || tell.try_send(change.clone()).is_ok()
        });
    }
}
