//! What a control stream that has published something looks after: whether its own peer is still there.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::told::{News, Told};
use super::{Registered, Session};
use crate::link::sealed::{Presence, PresenceState};

/// How often a publisher is asked whether it is there while somebody watches its name. With half a second in which it may answer, a name
/// is gone within a second.
const ASK: Duration = Duration::from_millis(400);
/// Names that are shown or hidden at a time.
const SHOWN: usize = 64;

/// What wants to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Concern {
    /// Something has changed about the peer: it is silent from now on, or heard again, or somebody watches what it does.
    Presence,
    /// It is to be asked again, if it is still watched.
    Ask,
}

/// When to look at what.
#[derive(Debug)]
pub(super) struct Attention {
    presence: watch::Receiver<PresenceState>,
    told: Told,
    /// When to ask again; `None`: nobody watches any name.
    ask_at: Option<Instant>,
}

impl Attention {
    pub(super) fn new(presence: &Presence) -> Self {
        let mut presence = presence.watch();
        // What it is already is to be looked at.
        presence.mark_changed();
        Self { presence, told: Told::new(Instant::now()), ask_at: None }
    }

    /// The next of them. Cancel safe.
    pub(super) async fn next(&mut self) -> Concern {
        let is_silent = self.presence.borrow().is_silent;
        let (return_at, ask_at) = (self.told.due(is_silent), self.ask_at);
        tokio::select! {
            Ok(()) = self.presence.changed() => Concern::Presence,
            () = at(return_at) => Concern::Presence,
            () = at(ask_at) => Concern::Ask,
        }
    }
}

/// Waits until then; for ever with `None`. Cancel safe.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

impl Session {
    /// Looks after what wants it.
    pub(super) async fn attend(&mut self, concern: Concern) {
        match concern {
            Concern::Presence => {
                self.show_or_hide().await;
                if self.attention.ask_at.is_none() {
                    self.ask_if_watched();
                }
            }
            Concern::Ask => self.ask_if_watched(),
        }
    }

    /// Tells those who watch that the names are gone, or back.
    async fn show_or_hide(&mut self) {
        let is_silent = self.attention.presence.borrow_and_update().is_silent;
        // It also changes when somebody asks.
        let Some(news) = self.attention.told.next(is_silent, Instant::now()) else { return };
        for (count, registered) in self.registrations.values().enumerate() {
            if let Registered::Published(_, publication) = registered {
                publication.show(news == News::Back);
            }
            if count % SHOWN == SHOWN - 1 {
                yield_now().await;
            }
        }
    }

    /// Asks the peer whether it is there as long as somebody watches one of its names.
    fn ask_if_watched(&mut self) {
        let now = Instant::now();
        let is_watched = self.attention.presence.borrow().is_watched(now);
        if is_watched {
            self.port.presence.ask();
        }
        self.attention.ask_at = is_watched.then(|| now + ASK);
    }
}
