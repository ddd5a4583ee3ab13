//! Which runs are kept, and what becomes of posts that are missing.

use std::time::Duration;

use super::bucket::Bucket;
use super::log::Log;
use super::{Author, BURST, Delivery, Gap, NAMES, Name, Overlay, POSTS_PER_SECOND, RUNS, Run};

impl Overlay {
    /// A post came before others that stand before it.
    pub(super) fn handle_gap(&mut self, from: &Name, run: &Run, number: u64, is_oldest: bool, now: Duration) {
        self.counts.out_of_order += 1;
        if !is_oldest {
            // Some before it were not taken.
            self.ask_again(from, run.clone(), now);
            return;
        }
        // That neighbour has no more of them; another may. Of a run that is new here and older than this one nobody misses what was
        // said before.
        let gap = self.gaps.entry(run.clone()).or_insert(Gap { since: now, ends_at: number });
        gap.ends_at = gap.ends_at.min(number);
        let is_new = gap.since == now;
        if !self.runs.contains_key(run) && run.began < self.me.began {
            self.pass_over(run);
        } else if is_new {
            self.tell_all(run);
        }
    }

    /// What is missing of this run is lost.
    pub(super) fn pass_over(&mut self, run: &Run) {
        let Some(gap) = self.gaps.remove(run) else { return };
        let is_new = !self.runs.contains_key(run);
        let log = self.runs.entry(run.clone()).or_insert_with(|| Log::after(0));
        let missing = (gap.ends_at - 1).saturating_sub(log.last());
        if missing == 0 {
            return;
        }
        log.skip_to(gap.ends_at - 1);
        self.trim(&run.name);
        if !(is_new && run.began < self.me.began) && run.name != self.me.name {
            self.counts.lost = self.counts.lost.saturating_add(missing);
            self.deliveries.push_back(Delivery::Lost { run: run.clone(), count: missing });
        }
        self.tell_all(run);
    }

    /// Whether a post of this run may be kept.
    pub(super) fn has_room_for(&mut self, run: &Run, now: Duration) -> bool {
        if self.runs.contains_key(run) {
            return true;
        }
        if !self.authors.contains_key(&run.name) {
            if self.authors.len() >= NAMES {
                return false;
            }
            let author = Author { rate: Bucket::new(BURST, POSTS_PER_SECOND, now), forgotten: None };
            self.authors.insert(run.name.clone(), author);
        }
        let known = self.runs_of(&run.name);
        known.len() < RUNS || known.first().is_some_and(|oldest| oldest.began < run.began)
    }

    /// Of too many runs of one node the oldest are forgotten.
    pub(super) fn trim(&mut self, name: &Name) {
        let mut known = self.runs_of(name);
        let too_many = known.len().saturating_sub(RUNS);
        // Its own run is the newest of its own.
        known.retain(|run| *run != self.me);
        for run in known.into_iter().take(too_many) {
            self.forget(&run);
        }
    }

    /// The runs of a node in which it has said something, the oldest first.
    fn runs_of(&self, name: &Name) -> Vec<Run> {
        let first = Run { name: name.clone(), began: 0 };
        let runs = self.runs.range(first..).take_while(|(run, _)| run.name == *name);
        runs.filter(|(_, log)| log.last() > 0).map(|(run, _)| run.clone()).collect()
    }

    fn forget(&mut self, run: &Run) {
        self.runs.remove(run);
        self.gaps.remove(run);
        for neighbour in self.neighbours.values_mut() {
            neighbour.forget(run);
        }
        if let Some(author) = self.authors.get_mut(&run.name) {
            author.forgotten = author.forgotten.max(Some(run.began));
        }
    }
}
