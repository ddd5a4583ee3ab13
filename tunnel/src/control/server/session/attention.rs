//! What a control stream that has published something looks after: whether its own peer is still there.

use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::{Registered, Session};
use crate::control::server::relay::Reach;
use crate::link::sealed::{Presence, PresenceState};
use crate::names::Names;

/// How often a publisher is asked whether it is there while somebody watches its name. With half a second in which it may answer, a name
/// is gone within a second.
const ASK: Duration = Duration::from_millis(400);
/// Names that are looked at at a time.
const LOOKED_AT: usize = 64;

/// What wants to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Concern {
    /// The peer is silent from now on, or heard again.
    Presence,
    /// Somebody may watch what it has published.
    Watched,
}

/// When to look at what.
#[derive(Debug)]
pub(super) struct Attention {
    presence: watch::Receiver<PresenceState>,
    /// The names were last told to be hidden.
    hidden: bool,
    /// Changes when there is another watch.
    watches: watch::Receiver<()>,
    /// When to ask again; `None`: nobody watches any name.
    next: Option<Instant>,
    /// The number of the registration that was looked at last, and was watched if one was.
    last: u32,
}

impl Attention {
    pub(super) fn new(presence: &Presence, names: &Names<Reach>) -> Self {
        Self {
            presence: presence.watch(),
            hidden: false,
            watches: names.watches(),
            next: Some(Instant::now()),
            last: 0,
        }
    }

    /// The next of them. Cancel safe.
    pub(super) async fn next(&mut self) -> Concern {
        let (presence, watches, next) = (&mut self.presence, &mut self.watches, self.next);
        let due = async {
            match next {
                Some(at) => sleep_until(at).await,
                // Their end is the end of the process.
                None if watches.changed().await.is_err() => pending().await,
                None => {}
            }
        };
        tokio::select! {
            Ok(()) = presence.changed() => Concern::Presence,
            () = due => Concern::Watched,
        }
    }
}

impl Session {
    /// Looks after what wants it.
    pub(super) async fn attend(&mut self, concern: Concern) {
        match concern {
            Concern::Presence => self.show_or_hide().await,
            Concern::Watched => self.ask_if_watched(),
        }
    }

    /// Tells those who watch that the names are gone, or back.
    async fn show_or_hide(&mut self) {
        let is_silent = self.attention.presence.borrow_and_update().is_silent;
        // It also changes when somebody asks.
        if std::mem::replace(&mut self.attention.hidden, is_silent) == is_silent {
            return;
        }
        for (count, registered) in self.registrations.values().enumerate() {
            if let Registered::Published(_, publication) = registered {
                publication.show(!is_silent);
            }
            if count % LOOKED_AT == LOOKED_AT - 1 {
                yield_now().await;
            }
        }
    }

    /// Asks the peer whether it is there if somebody watches one of its names: of many names some are looked at, and others the next time.
    fn ask_if_watched(&mut self) {
        let attention = &mut self.attention;
        attention.watches.mark_unchanged();
        let names = &self.port.exchange.names;
        let from =
            self.registrations.range(attention.last..).chain(self.registrations.range(..attention.last));
        let mut watched = names.watched();
        let mut found = false;
        for (id, registered) in from.take(LOOKED_AT) {
            if let Registered::Published(registration, _) = registered {
                attention.last = *id;
                found = registration.grant.published().is_some_and(|name| watched.contains(name));
            }
            if found {
                break;
            }
        }
        let any = watched.any();
        drop(watched);
        if found {
            self.port.presence.ask();
        }
        attention.next = any.then(|| Instant::now() + ASK);
    }
}
