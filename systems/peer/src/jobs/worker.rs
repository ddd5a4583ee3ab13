//! What is known of the workers, and which is chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::dice::Dice;
use crate::overlay::Name;

/// The most jobs at once that a node is believed to run.
pub const MAX_CAPACITY: u32 = 64;
/// How long one that failed is given nothing, at first and at most; doubled each time.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Nobody waits for a worker that has brought nothing for so long, or takes four times as long as another for a job and longer than the
/// second: to be near is no reason for a larger share, and a way through a busy exit takes some time; but a slow node must not slow down all.
const BRINGS_NOTHING: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(1);

/// A node that runs jobs.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) capacity: u32,
    pub(super) programs: BTreeSet<String>,
    /// How many jobs it may have of this node now.
    window: u32,
    /// How many it has.
    pub(super) mine: u32,
    /// How many it had of others when it last said so.
    others: u32,
    /// How many it was given, of a measure that all begin equal in.
    pub(super) given: f64,
    pub(super) rests_until: Duration,
    failures: u32,
    /// When it brought a result, or was given one while it had none.
    pub(super) active_at: Duration,
    /// How long it takes for a job, of late.
    pace: Option<Duration>,
}

impl Worker {
    /// One that has nothing, and was given as much for its capacity as `level`.
    pub(super) fn new(capacity: u32, programs: BTreeSet<String>, level: f64, now: Duration) -> Self {
        Self {
            capacity,
            programs,
            window: 1,
            mine: 0,
            others: 0,
            given: level * f64::from(capacity),
            rests_until: now,
            failures: 0,
            active_at: now,
            pace: None,
        }
    }

    fn capacity(&self) -> f64 {
        self.capacity.into()
    }

    pub(super) fn may_take(&self, program: &str, now: Duration) -> bool {
        self.programs.contains(program)
            && now >= self.rests_until
            && self.mine < self.window.min(2 * self.capacity)
    }

    /// What it has to do for its capacity, and what it was given for it.
    pub(super) fn burden(&self) -> (f64, f64) {
        let busy = f64::from(self.mine.saturating_add(self.others));
        (busy / self.capacity(), self.given / self.capacity())
    }

    /// Whether others wait for it, so as not to be ahead of it.
    fn keeps_pace(&self, quickest: Duration, now: Duration) -> bool {
        let is_slow = self.pace.is_some_and(|pace| pace > SLOW.max(quickest.saturating_mul(4)));
        !is_slow && now >= self.rests_until && (self.mine == 0 || now < self.active_at + BRINGS_NOTHING)
    }

    pub(super) fn brings(&mut self, took: Duration, now: Duration) {
        self.active_at = now;
        self.pace = Some(self.pace.map_or(took, |pace| (pace * 7 + took) / 8));
        self.window = (self.window + 1).min(2 * self.capacity);
        self.failures = 0;
    }

    pub(super) fn says(&mut self, busy: u32) {
        self.others = busy.saturating_sub(self.mine);
    }

    pub(super) fn fails(&mut self, now: Duration) {
        let pause = PAUSE_AFTER_FAILURE * 2_u32.pow(self.failures.min(6));
        self.rests_until = now + pause.min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.window = (self.window / 2).max(1);
    }
}

/// How much the one was given that was given least for its capacity, of those that others wait for.
pub(super) fn level(workers: &BTreeMap<Name, Worker>, program: &str, now: Duration) -> f64 {
    let runs_it = || workers.values().filter(|worker| worker.programs.contains(program));
    let quickest = runs_it().filter_map(|worker| worker.pace).min().unwrap_or(Duration::MAX);
    let waited_for = runs_it().filter(|worker| worker.keeps_pace(quickest, now));
    waited_for.map(|worker| worker.burden().1).fold(f64::INFINITY, f64::min)
}

/// The better of two that chance picks, each by its capacity.
pub(super) fn choose(dice: &mut Dice, able: &[(&Name, &Worker)]) -> Option<Name> {
    let (one, other) = (pick(dice, able)?, pick(dice, able)?);
    let better = if other.1.burden() < one.1.burden() { other } else { one };
    Some(better.0.clone())
}

fn pick<'a>(dice: &mut Dice, able: &[(&'a Name, &'a Worker)]) -> Option<(&'a Name, &'a Worker)> {
    let sum = able.iter().map(|(_, worker)| u64::from(worker.capacity)).sum();
    let mut at = dice.below(sum);
    able.iter().copied().find(|(_, worker)| {
        let is_here = at < worker.capacity.into();
        at = at.wrapping_sub(worker.capacity.into());
        is_here
    })
}
