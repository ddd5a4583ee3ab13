//! As long as a control stream watches names, those who publish them hear of it again and again: a publisher that was killed is missed
//! only if somebody asks it.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::{PAUSE, Session};
use crate::link::sealed::Presence;
use crate::names::Service;

/// From one round over the names to the next; a publisher remembers for more than twice as long that it is watched.
const ROUND: Duration = Duration::from_secs(8);

/// The rounds over the names that are watched.
#[derive(Debug)]
pub(super) struct Rounds {
    /// The place of the watch whose names are next, and behind which name it goes on; `None`: no round is under way.
    at: Option<(usize, Option<Service>)>,
    /// When the next step is due.
    next: Instant,
}

impl Rounds {
    pub(super) fn new() -> Self {
        Self { at: None, next: Instant::now() }
    }

    /// There is another watch, the last of all: one that is under way comes to it.
    pub(super) fn begin(&mut self) {
        if self.at.is_none() {
            self.next = Instant::now();
        }
    }

    /// Waits for the next step; other tasks get their turn in between. Cancel safe.
    pub(super) async fn due(&self) {
        sleep_until(self.next).await;
        yield_now().await;
    }
}

impl Session {
    /// Tells those who publish the next names that are watched. A step costs the ticket as much as a request: it looks at as many names
    /// as the longest.
    pub(super) fn go_round(&mut self) {
        let now = Instant::now();
        let (place, after) = self.rounds.at.take().unwrap_or_default();
        let Some((_, watch)) = self.watches.get(place) else {
            self.rounds.next = now + ROUND;
            return;
        };
        if !self.port.ticket.may_ask() {
            self.rounds = Rounds { at: Some((place, after)), next: now + PAUSE };
            return;
        }
        let (publishers, next) = self.publishers(watch.glob(), after.as_ref());
        publishers.iter().map(AsRef::as_ref).for_each(Presence::keep_watched);
        let at = next.map_or((place + 1, None), |next| (place, Some(next)));
        self.rounds = Rounds { at: Some(at), next: now };
    }
}
