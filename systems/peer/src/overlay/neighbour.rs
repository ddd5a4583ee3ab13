//! What one node knows of a neighbour: what it has, and what it is to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::UNPROVEN;
use super::post::{Name, Run};

/// The shortest time between two times that a neighbour has posts of one run sent again. It asks half as often.
pub(super) const SEND_AGAIN: Duration = Duration::from_secs(1);

/// One end of a link to a neighbour.
#[derive(Debug, Default)]
pub(super) struct Neighbour {
    /// It has said all that it has: what it lacks can be sent.
    is_known: bool,
    /// How far it is, of the runs that are known here.
    has: BTreeMap<Run, Position>,
    /// The runs of which it is to be told how far this node is.
    pub(super) to_tell: BTreeSet<Run>,
    /// Whether it waits for the end of the list of all runs.
    pub(super) owes_all: bool,
    /// The run that was served last: the next comes first, so that no run holds up another.
    pub(super) served: Option<Run>,
    /// Nothing that it lacks is here.
    pub(super) is_served: bool,
    /// What was not taken from it, and when it is asked for that again.
    to_ask: BTreeMap<Run, Duration>,
    /// What it is asked for again when its author's key is known.
    unproven: BTreeSet<Run>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Position {
    number: u64,
    /// When it was last put back.
    put_back: Option<Duration>,
}

impl Neighbour {
    /// A new link, on which everything is to be told.
    pub(super) fn new(runs: impl Iterator<Item = Run>) -> Self {
        Self { to_tell: runs.collect(), owes_all: true, ..Self::default() }
    }

    pub(super) const fn is_known(&self) -> bool {
        self.is_known
    }

    pub(super) const fn becomes_known(&mut self) {
        self.is_known = true;
        self.is_served = false;
    }

    pub(super) fn has(&self, run: &Run) -> u64 {
        self.has.get(run).map_or(0, |position| position.number)
    }

    /// It was sent a post, or has sent one.
    pub(super) fn advance(&mut self, run: &Run, number: u64) {
        let position = self.position(run);
        position.number = position.number.max(number);
    }

    /// It says how far it is. It is put back only so often: each time costs all posts since.
    pub(super) fn says(&mut self, run: &Run, number: u64, now: Duration) {
        let position = self.position(run);
        if number < position.number {
            if position.put_back.is_some_and(|at| now < at + SEND_AGAIN) {
                return;
            }
            position.put_back = Some(now);
        }
        position.number = number;
        self.is_served = false;
    }

    /// What was not taken is asked for again then, if not sooner. More than it may owe is left to the next comparison.
    pub(super) fn ask_again(&mut self, run: Run, at: Duration) {
        if self.to_ask.len() < UNPROVEN {
            self.to_ask.entry(run).or_insert(at);
        }
    }

    /// False: it waits for too many already.
    pub(super) fn waits_for_proof(&mut self, run: Run) -> bool {
        if self.unproven.len() >= UNPROVEN && !self.unproven.contains(&run) {
            return false;
        }
        self.unproven.insert(run);
        true
    }

    /// The key of this author is known now.
    pub(super) fn proven(&mut self, name: &Name, now: Duration) {
        let (proven, others) =
            std::mem::take(&mut self.unproven).into_iter().partition(|run| run.name == *name);
        self.unproven = others;
        let proven: BTreeSet<Run> = proven;
        self.to_ask.extend(proven.into_iter().map(|run| (run, now)));
    }

    pub(super) fn ask_what_is_due(&mut self, now: Duration) {
        let is_due = |at: &Duration| *at <= now;
        if self.to_ask.values().any(is_due) {
            self.to_tell.extend(self.to_ask.iter().filter(|(_, at)| is_due(at)).map(|(run, _)| run.clone()));
            self.to_ask.retain(|_, at| !is_due(at));
        }
    }

    pub(super) fn forget(&mut self, run: &Run) {
        self.has.remove(run);
        self.to_tell.remove(run);
        self.to_ask.remove(run);
    }

    fn position(&mut self, run: &Run) -> &mut Position {
        // Without a copy of the run where there is one already.
        if !self.has.contains_key(run) {
            self.has.insert(run.clone(), Position::default());
        }
        self.has.get_mut(run).expect("it was put there")
    }
}
