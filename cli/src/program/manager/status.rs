//! The one line that `systemctl status` shows: how many links and streams there are. Nothing of a peer is in it.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::time::sleep;
use tunnel::metrics::Counters;

use super::STATUS_PERIOD;

/// What each running session of the process has, by the order in which they began.
static SESSIONS: LazyLock<watch::Sender<BTreeMap<u64, Numbers>>> = LazyLock::new(watch::Sender::default);

/// What one session has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    /// Links that it keeps up: one at proxy1, none at proxy2, where peers make them, nor of the classic kind.
    kept: u64,
    /// Links that are up.
    up: u64,
    /// Streams.
    streams: u64,
}

/// One session that is shown, until this is dropped.
#[derive(Debug)]
pub(in crate::program) struct Shown {
    key: u64,
    keeps_link: bool,
}

impl Shown {
    /// Shows one more.
    pub(in crate::program) fn start(keeps_link: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let shown = Self { key: NEXT.fetch_add(1, Ordering::Relaxed), keeps_link };
        shown.set(&Counters::default());
        shown
    }

    fn set(&self, counters: &Counters) {
        let numbers =
            Numbers { kept: u64::from(self.keeps_link), up: counters.links_up, streams: counters.streams };
        SESSIONS.send_if_modified(|all| all.insert(self.key, numbers) != Some(numbers));
    }

    /// Follows what the session counts until it is over; looks once a second at most, so that a busy one has no work with it.
    pub(in crate::program) async fn follow(self, mut counters: watch::Receiver<Counters>) {
        // Nobody looks where no manager is told.
        if super::EVENTS.get().is_none() {
            return;
        }
        loop {
            self.set(&counters.borrow_and_update());
            sleep(STATUS_PERIOD).await;
            if counters.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        SESSIONS.send_if_modified(|all| all.remove(&self.key).is_some());
    }
}

/// The line, as it changes.
#[derive(Debug)]
pub(super) struct Status {
    sessions: watch::Receiver<BTreeMap<u64, Numbers>>,
    last: String,
}

impl Status {
    pub(super) fn watch() -> Self {
        Self { sessions: SESSIONS.subscribe(), last: String::new() }
    }

    /// Waits for another line than the last that was taken. Cancel safe.
    pub(super) async fn changed(&mut self) -> String {
        let Self { sessions, last } = self;
        let is_other = |all: &BTreeMap<u64, Numbers>| !all.is_empty() && line(all) != *last;
        // The sender is never dropped.
        sessions.wait_for(is_other).await.map_or_else(|_| String::new(), |all| line(&all))
    }

    /// Takes the line of now, if there are sessions.
    pub(super) fn taken(&mut self) -> Option<String> {
        let all = self.sessions.borrow_and_update().clone();
        (!all.is_empty()).then(|| {
            self.last = line(&all);
            self.last.clone()
        })
    }
}

fn line(all: &BTreeMap<u64, Numbers>) -> String {
    let sum = |number: fn(&Numbers) -> u64| all.values().map(number).sum::<u64>();
    let (kept, up, streams) = (sum(|n| n.kept), sum(|n| n.up), sum(|n| n.streams));
    let noun = |count: u64, noun: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {noun}{plural}")
    };
    let streams = noun(streams, "stream");
    if kept > 0 {
        format!("{up} of {} up, {streams}", noun(kept, "link"))
    } else {
        format!("{}, {streams}", noun(up, "link"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(all: &[(u64, u64, u64)]) -> String {
        let all = all.iter().map(|&(kept, up, streams)| Numbers { kept, up, streams });
        line(&(0..).zip(all).collect())
    }

    #[test]
    fn the_line_has_the_sums_of_all_sessions() {
        assert_eq!(line_of(&[(0, 3, 17)]), "3 links, 17 streams");
        assert_eq!(line_of(&[(0, 1, 1)]), "1 link, 1 stream");
        assert_eq!(line_of(&[(1, 0, 0)]), "0 of 1 link up, 0 streams");
        assert_eq!(line_of(&[(1, 1, 4), (1, 0, 0)]), "1 of 2 links up, 4 streams");
    }

    #[tokio::test]
    async fn a_session_that_is_gone_is_not_counted() {
        let mut status = Status::watch();
        let one = Shown::start(true);
        assert_eq!(status.changed().await, "0 of 1 link up, 0 streams");
        assert!(status.taken().is_some());
        let other = Shown::start(true);
        other.set(&Counters { links_up: 1, streams: 2, ..Counters::default() });
        assert_eq!(status.changed().await, "1 of 2 links up, 2 streams");
        drop(one);
        assert_eq!(status.taken().as_deref(), Some("1 of 1 link up, 2 streams"));
        drop(other);
        assert_eq!(status.taken(), None);
    }
}
