//! Who wants to hear of names.

use std::task::{Context, Poll};

use proto::destination::ServiceName;
use tokio::sync::mpsc;

use super::Found;
use crate::rules::NameGlob;

/// Changes that may wait to be told to one watch; one more, and the watch is over.
const WAITING: usize = 256;

/// Something that has happened to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// What.
    pub(crate) kind: ChangeKind,
    /// What there is of it now.
    pub(crate) found: Found,
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
pub(super) struct Watches(Vec<(NameGlob, mpsc::Sender<Change>)>);

impl Watches {
    pub(super) fn add(&mut self, glob: NameGlob) -> NameWatch {
        self.0.retain(|(_, watch)| !watch.is_closed());
        let (tell, told) = mpsc::channel(WAITING);
        self.0.push((glob, tell));
        NameWatch(told)
    }

    /// Tells those that watch this name, if there are any. A watch that is full is dropped: what it has is still told.
    pub(super) fn tell(&mut self, name: &ServiceName, change: impl FnOnce() -> Change) {
        if self.0.is_empty() {
            return;
        }
        let change = change();
        self.0.retain(|(glob, watch)| !glob.matches(name.as_str()) || watch.try_send(change.clone()).is_ok());
    }
}
