//! Workers in one thread, on a virtual clock: each runs as many jobs at once as its capacity, and some die.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::super::{Assignment, JobId, Scheduler};
use crate::dice::Dice;
use crate::overlay::Name;

pub(super) fn name(at: usize) -> Name {
    format!("w{at:02}").parse().unwrap()
}

const STEP: Duration = Duration::from_millis(10);

pub(super) struct Market {
    seed: u64,
    dice: Dice,
    now: Duration,
    givers: Vec<Scheduler>,
    workers: Vec<Worker>,
    /// How often each job's result was told.
    pub(super) told: BTreeMap<(usize, JobId), u32>,
    /// How often a worker dies, and another of its name begins.
    pub(super) deaths: u64,
    /// When the next does.
    death_at: Duration,
    /// How long a job takes at least: up to three times as long.
    pub(super) job: Duration,
    /// How long all takes on its way to and from all workers but the first.
    pub(super) way: Duration,
    /// How many times as long the last one takes.
    pub(super) slowness: u32,
    /// How long the jobs took.
    pub(super) took: Duration,
}

struct Worker {
    capacity: u32,
    running: Vec<(Duration, usize, Assignment)>,
    queue: VecDeque<(usize, Assignment)>,
    done: u32,
    /// It is not there until then.
    back_at: Duration,
}

impl Market {
    pub(super) fn new(seed: u64, capacities: &[u32], givers: usize) -> Self {
        let worker = |capacity: &u32| Worker {
            capacity: *capacity,
            running: Vec::new(),
            queue: VecDeque::new(),
            done: 0,
            back_at: Duration::ZERO,
        };
        let mut market = Self {
            seed,
            dice: Dice::new(seed),
            now: Duration::ZERO,
            givers: (0..givers).map(|at| Scheduler::new(seed * 100 + at as u64)).collect(),
            workers: capacities.iter().map(worker).collect(),
            told: BTreeMap::new(),
            deaths: 0,
            death_at: Duration::from_millis(50),
            job: Duration::from_millis(50),
            way: Duration::ZERO,
            slowness: 1,
            took: Duration::ZERO,
        };
        for at in 0..capacities.len() {
            market.comes(at);
        }
        market
    }

    fn comes(&mut self, at: usize) {
        for giver in &mut self.givers {
            giver.worker_up(name(at), self.workers[at].capacity, BTreeSet::from(["work".into()]), self.now);
        }
    }

    /// All at once, or one after the other.
    pub(super) fn run_jobs(&mut self, count: usize, at_once: bool) {
        let mut given = 0;
        while self.told.len() < count {
            while given < count && (at_once || given == self.told.len()) {
                let giver = given % self.givers.len();
                self.givers[giver].submit("work", self.now).unwrap();
                given += 1;
            }
            self.step();
            assert!(self.now < Duration::from_secs(3600), "seed {}: jobs are lost", self.seed);
        }
        self.took = self.now;
        // Nothing is told again.
        for _ in 0..1000 {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        for giver in 0..self.givers.len() {
            while let Some(assignment) = self.givers[giver].poll_assignment(self.now) {
                let at: usize = assignment.worker.as_str()[1..].parse().unwrap();
                self.workers[at].queue.push_back((giver, assignment));
            }
            self.givers[giver].tick(self.now);
            assert_eq!(self.givers[giver].poll_failed(), None, "seed {}", self.seed);
        }
        for at in 0..self.workers.len() {
            self.work(at);
        }
        if self.deaths > 0 && self.now >= self.death_at {
            self.deaths -= 1;
            self.death_at = self.now + Duration::from_millis(100 + self.dice.below(600));
            let at = usize::try_from(self.dice.below(self.workers.len() as u64)).unwrap();
            self.dies(at);
        }
    }

    fn work(&mut self, at: usize) {
        if self.now < self.workers[at].back_at {
            return;
        }
        if self.workers[at].back_at > Duration::ZERO {
            self.workers[at].back_at = Duration::ZERO;
            self.comes(at);
        }
        let way = if at == 0 { Duration::ZERO } else { self.way };
        let slowness = if at + 1 == self.workers.len() { self.slowness } else { 1 };
        let job = self.job * slowness;
        let worker = &mut self.workers[at];
        let (ended, running) =
            std::mem::take(&mut worker.running).into_iter().partition(|(end, ..)| *end <= self.now);
        worker.running = running;
        let ended: Vec<(Duration, usize, Assignment)> = ended;
        worker.done += u32::try_from(ended.len()).unwrap();
        while worker.running.len() < worker.capacity as usize {
            let Some((giver, assignment)) = worker.queue.pop_front() else { break };
            let end = self.now + way + job + job * u32::try_from(self.dice.below(200)).unwrap() / 100;
            worker.running.push((end, giver, assignment));
        }
        let busy = u32::try_from(worker.running.len() + worker.queue.len()).unwrap();
        for (_, giver, assignment) in ended {
            self.givers[giver].handle_load(&name(at), busy);
            if self.givers[giver].handle_result(assignment.job, assignment.attempt, self.now) {
                *self.told.entry((giver, assignment.job)).or_default() += 1;
            }
        }
    }

    /// With all that it has; nobody hears of it for a second, or the way is cut and its results come too late.
    fn dies(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        let is_cut_off = self.dice.below(2) == 0;
        let late: Vec<(usize, Assignment)> =
            worker.running.drain(..).map(|(_, giver, job)| (giver, job)).collect();
        worker.queue.clear();
        worker.back_at = self.now + Duration::from_millis(500);
        for giver in &mut self.givers {
            giver.worker_down(&name(at), self.now);
        }
        if is_cut_off {
            for (giver, assignment) in late {
                assert!(
                    !self.givers[giver].handle_result(assignment.job, assignment.attempt, self.now),
                    "seed {}",
                    self.seed
                );
            }
        }
    }

    /// How many jobs each has done.
    pub(super) fn shares(&self) -> Vec<f64> {
        self.workers.iter().map(|worker| worker.done.into()).collect()
    }
}
