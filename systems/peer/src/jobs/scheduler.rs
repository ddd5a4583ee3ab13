//! The jobs that wait, those that are given away, and what is known of the workers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::worker::{MAX_CAPACITY, Worker, choose, level};
use crate::dice::Dice;
use crate::overlay::Name;

/// The most jobs of one node that are not done: more would be memory without end.
pub(super) const MAX_JOBS: usize = 10_000;
/// A job that ended without a result so often, as when it kills whoever runs it, is given to nobody else.
pub(super) const MAX_ATTEMPTS: u32 = 8;
/// How long jobs wait for a node that can run them: longer than it takes to find the others.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a worker that is full is given nothing.
const PAUSE_WHEN_FULL: Duration = Duration::from_millis(300);
/// By how many jobs, for each that it runs at once, a worker may be ahead of the one that was given least.
const AHEAD: f64 = 2.0;
/// One job of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// A job is to be run there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Which.
    pub job: JobId,
    /// For the how manieth time, from 1: what comes of an earlier one does not count.
    pub attempt: u32,
    /// By whom.
    pub worker: Name,
}

/// Why a worker does not take a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has enough to do.
    Full,
    /// It does not run this program, or not for this node.
    NotAllowed,
}

/// Why a job is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody runs it.
    #[error("no node that is here runs '{0}': see what each runs with `peer list`")]
    NobodyRuns(String),
    /// It was tried too often.
    #[error(
        "it was given to {MAX_ATTEMPTS} nodes, one after the other, and each went away or did not answer"
    )]
    Attempts,
}

/// Why a job is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_JOBS} jobs of this node are not done yet, which is the most")]
pub struct SubmitError;

/// The jobs of one node.
#[derive(Debug)]
pub struct Scheduler {
    dice: Dice,
    next: u64,
    jobs: BTreeMap<JobId, Job>,
    /// Those that wait, by their program: one that nobody runs now holds up no other.
    waiting: BTreeMap<String, VecDeque<JobId>>,
    workers: BTreeMap<Name, Worker>,
    failed: VecDeque<(JobId, Failure)>,
}

#[derive(Debug)]
struct Job {
    program: String,
    attempt: u32,
    worker: Option<Name>,
    waits_since: Duration,
    given_at: Duration,
}

impl Scheduler {
    /// One without jobs and workers.
    pub const fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            next: 1,
            jobs: BTreeMap::new(),
            waiting: BTreeMap::new(),
            workers: BTreeMap::new(),
            failed: VecDeque::new(),
        }
    }

    /// A node can be given jobs: so many at once, of these programs. What it had before as the same node is given to others.
    pub fn worker_up(&mut self, name: Name, capacity: u32, programs: BTreeSet<String>, now: Duration) {
        self.worker_down(&name, now);
        if capacity == 0 {
            return;
        }
        // Not what it would have been given, had it always been there: nobody else would get anything for long.
        let level = self.workers.values().map(|worker| worker.burden().1).fold(f64::INFINITY, f64::min);
        let level = if level.is_finite() { level } else { 0.0 };
        let worker = Worker::new(capacity.min(MAX_CAPACITY), programs, level, now);
        self.workers.insert(name, worker);
    }

    /// A node is not there any more: what it has is given to others.
    pub fn worker_down(&mut self, name: &Name, now: Duration) {
        if self.workers.remove(name).is_none() {
            return;
        }
        let is_there = |(id, job): (&JobId, &Job)| (job.worker.as_ref() == Some(name)).then_some(*id);
        let lost: Vec<JobId> = self.jobs.iter().filter_map(is_there).collect();
        for id in lost {
            self.give_back(id, now);
        }
    }

    /// Takes a job.
    ///
    /// # Errors
    /// There are too many.
    pub fn submit(&mut self, program: &str, now: Duration) -> Result<JobId, SubmitError> {
        if self.jobs.len() >= MAX_JOBS {
            return Err(SubmitError);
        }
        let id = JobId(self.next);
        self.next += 1;
        self.jobs.insert(
            id,
            Job { program: program.into(), attempt: 0, worker: None, waits_since: now, given_at: now },
        );
        self.waiting.entry(program.into()).or_default().push_back(id);
        Ok(id)
    }

    /// Nobody wants the result any more.
    pub fn cancel(&mut self, id: JobId) {
        let Some(job) = self.jobs.remove(&id) else { return };
        match job.worker {
            Some(worker) => self.has_one_less(&worker),
            None => self.waits_no_more(&job.program, id),
        }
    }

    /// The next job that is to be given away.
    pub fn poll_assignment(&mut self, now: Duration) -> Option<Assignment> {
        let programs: Vec<&String> = self.waiting.keys().collect();
        let (program, worker) = programs.into_iter().find_map(|program| {
            let level = level(&self.workers, program, now);
            let is_able =
                |worker: &Worker| worker.may_take(program, now) && worker.burden().1 < level + AHEAD;
            let able = self.workers.iter().filter(|(_, worker)| is_able(worker));
            let worker = choose(&mut self.dice, &able.collect::<Vec<_>>())?;
            Some((program.clone(), worker))
        })?;
        let queue = self.waiting.get_mut(&program)?;
        let id = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&program);
        }
        let known = self.workers.get_mut(&worker)?;
        if known.mine == 0 {
            known.active_at = now;
        }
        known.mine += 1;
        known.given += 1.0;
        let job = self.jobs.get_mut(&id)?;
        job.attempt += 1;
        job.given_at = now;
        job.worker = Some(worker.clone());
        Some(Assignment { job: id, attempt: job.attempt, worker })
    }

    /// A worker says how many jobs it has, of all nodes.
    pub fn handle_load(&mut self, name: &Name, busy: u32) {
        if let Some(worker) = self.workers.get_mut(name) {
            worker.says(busy);
        }
    }

    /// There is a result. Whether it is the one: it is to be told then, and no other.
    pub fn handle_result(&mut self, id: JobId, attempt: u32, now: Duration) -> bool {
        let Some(name) = self.worker_of(id, attempt) else { return false };
        let Some(job) = self.jobs.remove(&id) else { return false };
        self.has_one_less(&name);
        if let Some(worker) = self.workers.get_mut(&name) {
            worker.brings(now.saturating_sub(job.given_at), now);
        }
        true
    }

    /// A worker does not take a job.
    pub fn handle_refusal(&mut self, id: JobId, attempt: u32, refusal: Refusal, now: Duration) {
        let Some(name) = self.worker_of(id, attempt) else { return };
        let program = self.jobs.get(&id).map(|job| job.program.clone()).unwrap_or_default();
        self.has_one_less(&name);
        if let Some(worker) = self.workers.get_mut(&name) {
            worker.given -= 1.0;
            match refusal {
                Refusal::Full => worker.rests_until = now + PAUSE_WHEN_FULL,
                Refusal::NotAllowed => drop(worker.programs.remove(&program)),
            }
        }
        self.waits_again(id, now);
        // Nobody has run it.
        if let Some(job) = self.jobs.get_mut(&id) {
            job.worker = None;
        }
    }

    /// A worker has gone, or does not answer any more, in the middle of a job.
    pub fn handle_lost(&mut self, id: JobId, attempt: u32, now: Duration) {
        let Some(name) = self.worker_of(id, attempt) else { return };
        self.has_one_less(&name);
        if let Some(worker) = self.workers.get_mut(&name) {
            worker.fails(now);
        }
        self.give_back(id, now);
    }

    /// Time passes: to be called a few times a second.
    pub fn tick(&mut self, now: Duration) {
        let can_run =
            |program: &String| self.workers.values().any(|worker| worker.programs.contains(program));
        let cannot: Vec<String> = self.waiting.keys().filter(|program| !can_run(program)).cloned().collect();
        for program in cannot {
            let Some(ids) = self.waiting.get_mut(&program) else { continue };
            let jobs = &self.jobs;
            let is_over = |id: &JobId| jobs.get(id).is_none_or(|job| now >= job.waits_since + PATIENCE);
            let over: Vec<JobId> = ids.iter().copied().filter(is_over).collect();
            ids.retain(|id| !is_over(id));
            if ids.is_empty() {
                self.waiting.remove(&program);
            }
            for id in over {
                self.jobs.remove(&id);
                self.failed.push_back((id, Failure::NobodyRuns(program.clone())));
            }
        }
    }

    /// A job that is not done, and will not be.
    pub fn poll_failed(&mut self) -> Option<(JobId, Failure)> {
        self.failed.pop_front()
    }

    /// Which attempt of a job counts now; `None`: it is not given to anybody.
    pub fn is_current(&self, id: JobId, attempt: u32) -> bool {
        self.worker_of(id, attempt).is_some()
    }

    /// The workers: how many jobs of this node each has, and what it may have at once.
    pub fn workers(&self) -> impl Iterator<Item = (&Name, u32, u32)> {
        self.workers.iter().map(|(name, worker)| (name, worker.mine, worker.capacity))
    }

    fn worker_of(&self, id: JobId, attempt: u32) -> Option<Name> {
        self.jobs.get(&id).filter(|job| job.attempt == attempt).and_then(|job| job.worker.clone())
    }

    fn has_one_less(&mut self, name: &Name) {
        if let Some(worker) = self.workers.get_mut(name) {
            worker.mine = worker.mine.saturating_sub(1);
        }
    }

    /// A job came to nothing.
    fn give_back(&mut self, id: JobId, now: Duration) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.worker = None;
        if job.attempt >= MAX_ATTEMPTS {
            self.jobs.remove(&id);
            self.failed.push_back((id, Failure::Attempts));
        } else {
            self.waits_again(id, now);
        }
    }

    /// Before those that have not had their turn.
    fn waits_again(&mut self, id: JobId, now: Duration) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.waits_since = now;
            self.waiting.entry(job.program.clone()).or_default().push_front(id);
        }
    }

    fn waits_no_more(&mut self, program: &str, id: JobId) {
        let Some(queue) = self.waiting.get_mut(program) else { return };
        queue.retain(|waiting| *waiting != id);
        if queue.is_empty() {
            self.waiting.remove(program);
        }
    }
}
