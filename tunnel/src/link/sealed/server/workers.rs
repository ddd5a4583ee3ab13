//! The threads that links work on. The first link shares the demultiplexer's: on a small machine, and for one busy link,
//! handing each datagram from core to core costs more than it brings. Every other goes where the fewest are.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::thread;

use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::warn;

use crate::threads::Serving;

/// One thread that serves links.
#[derive(Debug)]
struct Worker {
    runtime: Handle,
    links: usize,
    /// Dropped with the worker, which ends the thread; the demultiplexer's own thread is not ours to end.
    _stop: Option<oneshot::Sender<()>>,
    /// For whoever asks whether all threads work; the same holds for it.
    _serving: Option<Serving>,
}

/// Which of the threads a link is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerId(usize);

/// All threads that serve links. The demultiplexer's is the first.
#[derive(Debug)]
pub(crate) struct Workers {
    workers: Vec<Worker>,
    limit: usize,
}

impl Workers {
    /// The thread of the caller, and up to one more for each other core as links come.
    pub(crate) fn new() -> Self {
        Self::with_limit(thread::available_parallelism().map_or(1, NonZero::get))
    }

    /// The thread of the caller, and no other.
    #[cfg(test)]
    pub(crate) fn alone() -> Self {
        Self::with_limit(1)
    }

    fn with_limit(limit: usize) -> Self {
        Self {
            workers: vec![Worker { runtime: Handle::current(), links: 0, _stop: None, _serving: None }],
            limit,
        }
    }

    /// Starts the task of a link among `tasks`.
    pub(crate) fn spawn<F>(&mut self, tasks: &mut JoinSet<F::Output>, task: F) -> WorkerId
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let place = self.choose();
        if let Some(worker) = self.workers.get_mut(place.0) {
            worker.links += 1;
            tasks.spawn_on(task, &worker.runtime);
        }
        place
    }

    /// A link there is over.
    pub(crate) fn leave(&mut self, place: WorkerId) {
        if let Some(worker) = self.workers.get_mut(place.0) {
            worker.links = worker.links.saturating_sub(1);
        }
    }

    /// Where the fewest links are; of equals the last, because the first thread also reads.
    fn choose(&mut self) -> WorkerId {
        let fewest = (0..self.workers.len()).rev().min_by_key(|&at| self.workers[at].links).unwrap_or(0);
        if self.workers[fewest].links > 0 && self.workers.len() < self.limit {
            match start(self.workers.len()) {
                Ok(worker) => {
                    self.workers.push(worker);
                    return WorkerId(self.workers.len() - 1);
                }
                Err(error) => {
                    warn!(%error, threads = self.workers.len(), "no further thread for links can be started");
                    self.limit = self.workers.len();
                }
            }
        }
        WorkerId(fewest)
    }
}

fn start(number: usize) -> io::Result<Worker> {
    let worker = runtime::Builder::new_current_thread().enable_all().build()?;
    let runtime = worker.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    thread::Builder::new().name(format!("links {number}")).spawn(move || {
        // Ends when the sender is dropped.
        let _ = worker.block_on(stopped);
    })?;
    let serving = Serving::start(runtime.clone());
    Ok(Worker { runtime, links: 0, _stop: Some(stop), _serving: Some(serving) })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn links_spread_over_the_threads_that_there_may_be() {
        let mut workers = Workers::with_limit(3);
        let mut tasks = JoinSet::new();
        let mut spawn = |workers: &mut Workers| workers.spawn(&mut tasks, pending::<()>()).0;
        let places: Vec<_> = (0..7).map(|_| spawn(&mut workers)).collect();
        assert_eq!(places, [0, 1, 2, 2, 1, 0, 2]);
        workers.leave(WorkerId(0));
        workers.leave(WorkerId(0));
        assert_eq!(spawn(&mut workers), 0, "there is room again where links have ended");
    }

    #[tokio::test]
    async fn a_task_runs_on_its_thread_and_the_thread_ends_with_its_workers() {
        let mut workers = Workers::with_limit(2);
        let mut tasks = JoinSet::new();
        for _ in 0..2 {
            workers.spawn(&mut tasks, async { thread::current().name().map(str::to_owned) });
        }
        let here = thread::current().name().map(str::to_owned);
        let mut names = tasks.join_all().await;
        names.sort_by_key(|name| *name == here);
        assert_eq!(names, [Some("links 1".to_owned()), here]);
        let (tell, ended) = oneshot::channel::<()>();
        workers.workers[1].runtime.spawn(async move {
            let _tell = tell;
            pending::<()>().await;
        });
        drop(workers);
        assert!(ended.await.is_err(), "the runtime of the thread is gone, and its tasks with it");
    }
}
