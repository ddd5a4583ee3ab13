//! How much each ticket says: what would flood the others waits, and comings and goings are put together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Identity;

/// Texts that one ticket may say at once. More than somebody types, less than fills a screen.
const BURST: f64 = 20.0;
/// And then so many a second.
const A_SECOND: f64 = 10.0;

/// What a text for others takes of that, and the search for a name that nobody has.
pub(super) const A_TEXT: f64 = 1.0;
/// What each line takes, whatever it is: 1,000 a second are read of one ticket, for each costs the time of all.
pub(super) const A_LINE: f64 = 0.01;

/// What each ticket has said lately. A ticket that has been quiet for a while is forgotten.
#[derive(Debug, Default)]
pub(super) struct Chatter(BTreeMap<Option<String>, Bucket>);

#[derive(Debug)]
struct Bucket {
    /// Texts that may be said now. Below zero: how many were said too early.
    left: f64,
    /// When that was so.
    at: Duration,
    /// Comings and goings that were not told.
    untold: u64,
}

/// Texts that one client may say in a row, while it says them as fast as it may: a minute's.
const FLOOD: f64 = 300.0;
/// Of which so many come back a second: half of what it may say.
const PAUSES: f64 = 5.0;

/// How long a client has said as much as it may.
#[derive(Debug)]
pub(super) struct Breath {
    left: f64,
    at: Duration,
}

impl Default for Breath {
    fn default() -> Self {
        Self { left: FLOOD, at: Duration::ZERO }
    }
}

impl Breath {
    /// A text is said; false: it has been too much for too long.
    pub(super) fn lasts(&mut self, now: Duration) -> bool {
        let back = now.saturating_sub(self.at).as_secs_f64() * PAUSES;
        (self.left, self.at) = ((self.left + back).min(FLOOD) - 1.0, now);
        self.left >= 0.0
    }
}

impl Bucket {
    fn at(&self, now: Duration) -> f64 {
        (self.left + now.saturating_sub(self.at).as_secs_f64() * A_SECOND).min(BURST)
    }
}

impl Chatter {
    /// Something is said. It is never refused; afterwards somebody [waits](Self::waits).
    pub(super) fn spend(&mut self, who: &Identity, cost: f64, now: Duration) {
        self.bucket(who, now).left -= cost;
    }

    /// Until when nothing of this ticket is read.
    pub(super) fn waits(&self, who: &Identity, now: Duration) -> Option<Duration> {
        let left = self.0.get(&who.ticket)?.at(now);
        (left < 0.0).then(|| now + Duration::from_secs_f64(-left / A_SECOND))
    }

    /// Whether it is told that somebody has come or gone. If not it is told later, in a sum.
    pub(super) fn may_announce(&mut self, who: &Identity, now: Duration) -> bool {
        let bucket = self.bucket(who, now);
        let may = bucket.left >= 1.0;
        if may {
            bucket.left -= 1.0;
        } else {
            bucket.untold += 1;
        }
        may
    }

    /// What was not told, of tickets that have become quiet.
    pub(super) fn sweep(&mut self, now: Duration) -> Vec<(String, u64)> {
        let mut told = Vec::new();
        self.0.retain(|ticket, bucket| {
            if bucket.at(now) < BURST {
                return true;
            }
            if bucket.untold > 0 {
                let who = Identity { number: 0, ticket: ticket.clone(), is_operator: false };
                told.push((who.label().to_owned(), bucket.untold.div_ceil(2)));
            }
            false
        });
        told
    }

    fn bucket(&mut self, who: &Identity, now: Duration) -> &mut Bucket {
        let full = || Bucket { left: BURST, at: now, untold: 0 };
        let bucket = self.0.entry(who.ticket.clone()).or_insert_with(full);
        (bucket.left, bucket.at) = (bucket.at(now), now);
        bucket
    }
}
