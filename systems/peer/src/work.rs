//! The part of a node that runs jobs: only what its owner has named, so many at once, each within bounds.

mod builtin;
mod process;
mod programs;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

pub(crate) use self::programs::{ProgramError, Programs};
use crate::overlay::Name;
use crate::wire::Outcome;

/// How many bytes of each of its two outputs are kept.
const MAX_OUTPUT: usize = 40 << 10;
/// How many jobs may wait and run here for each that runs at once, for all and for one node: nobody takes all places.
const PLACES: u32 = 16;
const PLACES_OF_ONE: u32 = 2;

/// Where jobs are run.
#[derive(Debug)]
pub(crate) struct Workshop {
    programs: Programs,
    capacity: u32,
    limit: Duration,
    running: Arc<Semaphore>,
    jobs: AtomicU32,
    of: Mutex<BTreeMap<Name, u32>>,
    done: AtomicU32,
}

/// Why a job is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotRun {
    Full,
    Not(String),
}

/// A job's turn to run. What goes on when the job is not wanted any more, as a thread does that nothing can break off, keeps it: no more
/// run at once than there are turns.
type Turn = Arc<OwnedSemaphorePermit>;

/// A place for one job, from when it is taken to its end.
#[derive(Debug)]
pub(crate) struct Place {
    shop: Arc<Workshop>,
    name: Name,
}

impl Workshop {
    /// One that runs so many jobs at once, each for so long at the most.
    pub(crate) fn new(programs: Programs, capacity: u32, limit: Duration) -> Arc<Self> {
        let permits = usize::try_from(capacity).unwrap_or(0);
        let (jobs, done) = (AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Self {
            programs,
            capacity,
            limit,
            running: Arc::new(Semaphore::new(permits)),
            jobs,
            of: Mutex::default(),
            done,
        })
    }

    /// How many jobs wait and run here.
    pub(crate) fn jobs(&self) -> u32 {
        self.jobs.load(Ordering::Relaxed)
    }

    /// How many were done.
    #[cfg(test)]
    pub(crate) fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }

    /// Takes a job for this node, if it may be and has room.
    pub(crate) fn admit(
        self: &Arc<Self>,
        name: &Name,
        program: &str,
        args: &[String],
    ) -> Result<Place, NotRun> {
        if self.capacity == 0 {
            return Err(NotRun::Not("this node runs no jobs".into()));
        }
        self.programs.check(program, args).map_err(NotRun::Not)?;
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let own = of.entry(name.clone()).or_default();
        if *own >= PLACES_OF_ONE * self.capacity || self.jobs() >= PLACES * self.capacity {
            if *own == 0 {
                of.remove(name);
            }
            return Err(NotRun::Full);
        }
        *own += 1;
        self.jobs.fetch_add(1, Ordering::Relaxed);
        drop(of);
        Ok(Place { shop: Arc::clone(self), name: name.clone() })
    }
}

impl Place {
    /// Runs the job when its turn has come: its outcome, and what it wrote. Dropped, it ends, and all that it has started.
    pub(crate) async fn run(self, program: &str, args: &[String], stdin: Vec<u8>) -> (Outcome, Vec<u8>) {
        let shop = &self.shop;
        let Ok(turn) = Arc::clone(&shop.running).acquire_owned().await.map(Turn::new) else {
            return (Outcome { why: Some("the node ends".into()), ..Outcome::default() }, Vec::new());
        };
        let running = shop.programs.run(program, args, stdin, &turn);
        let outcome = timeout(shop.limit, running).await.unwrap_or_else(|_| {
            let why = format!("it did not end within {} s, and was ended", shop.limit.as_secs());
            (Outcome { why: Some(why), ..Outcome::default() }, Vec::new())
        });
        shop.done.fetch_add(1, Ordering::Relaxed);
        outcome
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of = self.shop.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = of.get_mut(&self.name) {
            *own -= 1;
            if *own == 0 {
                of.remove(&self.name);
            }
        }
        self.shop.jobs.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_nobody_wants_any_more_takes_its_turn_all_the_same() {
        let shop = Workshop::new(Programs::new(true, &[]).unwrap(), 1, Duration::from_secs(60));
        let args = ["5000000".to_owned()];
        let place = shop.admit(&"ann".parse().unwrap(), "primes", &args).unwrap();
        tokio::select! {
            biased;
            _ = place.run("primes", &args, Vec::new()) => panic!("it takes a thread some time"),
            () = std::future::ready(()) => {}
        }
        assert_eq!((shop.jobs(), shop.running.available_permits()), (0, 0), "its thread counts on");
        let _turn = shop.running.acquire().await.unwrap();
    }
}
