//! Changes of names, and how they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};

use super::handle::LinkClosed;
use crate::control::client::{NameEvent, NameFeed};
use crate::link::sealed::LinkStatus;

/// Changes of names that may wait to be taken from one watch.
const WATCHED: usize = 256;

/// Tells of names that appear and go. Dropped, it ends.
///
/// It ends for one of the reasons in [`WatchEnded`], behind the changes that came before. Whoever goes on asks which names there are, and
/// watches again: first the new watch, then the question, so that no change falls between them.
#[derive(Debug)]
pub struct NameWatcher {
    events: mpsc::Receiver<NameEvent>,
    is_overrun: Arc<AtomicBool>,
    status: watch::Receiver<LinkStatus>,
}

/// Why a watch tells of no more changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WatchEnded {
    /// More changes came than were taken: 256 may wait. Some are missing.
    #[error("more names have changed than were taken: ask which there are, and watch again")]
    Overrun,
    /// The other end was restarted, does not answer any more, or has reached the ticket's limit. Nobody knows what has changed meanwhile.
    #[error("the watch was interrupted: ask which names there are, and watch again")]
    Interrupted,
    /// The link has been closed.
    #[error(transparent)]
    Closed(#[from] LinkClosed),
}

impl NameWatcher {
    pub(super) fn new(status: watch::Receiver<LinkStatus>) -> (NameFeed, Self) {
        let (feed, events, is_overrun) = NameFeed::new(WATCHED);
        (feed, Self { events, is_overrun, status })
    }

    /// The next change. Waits for it without a limit of time.
    ///
    /// Cancel safe: a change that was not returned is the next one.
    ///
    /// # Errors
    /// [`WatchEnded`]: none comes any more. Another call says the same.
    pub async fn next(&mut self) -> Result<NameEvent, WatchEnded> {
        self.events.recv().await.ok_or_else(|| {
            if self.is_overrun.load(Ordering::Acquire) {
                return WatchEnded::Overrun;
            }
            match *self.status.borrow() {
                LinkStatus::Closed => LinkClosed.into(),
                LinkStatus::Joining | LinkStatus::Up { .. } | LinkStatus::Silent | LinkStatus::Refused(_) => {
                    WatchEnded::Interrupted
                }
            }
        })
    }
}
