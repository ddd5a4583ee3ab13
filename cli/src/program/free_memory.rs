//! When the memory that a crowd of connections took goes back to the system.
//!
//! The C library (glibc) keeps what is free below anything that still lives: after 400 connections that did not read, the 20 MB
//! that they had taken stayed for good.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::debug;
use tunnel::metrics::Counters;

/// How long after streams have ended their memory is given back: the next ones may want it.
const PAUSE: Duration = Duration::from_secs(3);

/// Streams that are a crowd: what fewer took is a few megabytes at the most, and soon taken again.
const CROWD: u64 = 16;

/// Gives memory back whenever half of a crowd of streams or more has ended, until the session is over.
pub(super) async fn give_back(counters: watch::Receiver<Counters>) {
    let release = || async {
        spawn_blocking(heap::give_back).await.unwrap_or_default();
        debug!("unused memory is given back to the system");
    };
    give_back_after(counters, || sleep(PAUSE), release).await;
}

async fn give_back_after<P: Future<Output = ()>, R: Future<Output = ()>>(
    mut counters: watch::Receiver<Counters>,
    mut pause: impl FnMut() -> P,
    mut release: impl FnMut() -> R,
) {
    let mut most = 0;
    loop {
        let now = counters.borrow_and_update().streams;
        most = most.max(now);
        if most - now >= CROWD.max(most / 2) {
            pause().await;
            most = counters.borrow_and_update().streams;
            release().await;
        } else if counters.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Arc;

    use tokio::sync::{Notify, mpsc};

    /// What happens: a pause begins, memory is given back.
    #[derive(Debug, PartialEq, Eq)]
    enum Step {
        Pause,
        Release,
    }

    struct Watched {
        counters: watch::Sender<Counters>,
        steps: mpsc::UnboundedReceiver<Step>,
        pause_over: Arc<Notify>,
    }

    impl Watched {
        fn start(streams: u64) -> Self {
            let counters = watch::Sender::new(Counters { streams, ..Counters::default() });
            let (to_steps, steps) = mpsc::unbounded_channel();
            let pause_over = Arc::new(Notify::new());
            let (over, pauses) = (Arc::clone(&pause_over), to_steps.clone());
            let pause = move || {
                pauses.send(Step::Pause).unwrap();
                let over = Arc::clone(&over);
                async move { over.notified().await }
            };
            let release = move || {
                to_steps.send(Step::Release).unwrap();
                std::future::ready(())
            };
            tokio::spawn(give_back_after(counters.subscribe(), pause, release));
            Self { counters, steps, pause_over }
        }

        /// So many streams from now on. The watching task runs before this returns: there is one thread.
        async fn set(&self, streams: u64) {
            self.counters.send_modify(|counters| counters.streams = streams);
            tokio::task::yield_now().await;
        }

        async fn expect(&mut self, step: Step) {
            assert_eq!(self.steps.recv().await, Some(step));
        }

        fn expect_nothing(&mut self) {
            assert!(self.steps.try_recv().is_err());
        }
    }

    #[tokio::test]
    async fn memory_is_given_back_a_while_after_a_crowd_has_left() {
        let mut watched = Watched::start(0);
        for streams in [1, 400, 201] {
            watched.set(streams).await;
            watched.expect_nothing();
        }
        watched.set(200).await;
        watched.expect(Step::Pause).await;
        watched.set(100).await;
        watched.expect_nothing();
        watched.pause_over.notify_one();
        watched.expect(Step::Release).await;
        watched.set(51).await;
        watched.expect_nothing();
        watched.set(50).await;
        watched.expect(Step::Pause).await;
    }

    #[tokio::test]
    async fn a_few_streams_are_no_crowd() {
        let mut watched = Watched::start(15);
        for streams in [0, 10, 0, 15, 0] {
            watched.set(streams).await;
            watched.expect_nothing();
        }
    }
}
