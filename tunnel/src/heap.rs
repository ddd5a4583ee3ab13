//! The programs' allocator, chosen so that what a crowd of connections took goes back to the system when they have left.
//!
//! The C library's (glibc) keeps what is free below anything that still lives: after 400 connections that did not read, the
//! 20 MB that they had taken stayed for good. The home of `mimalloc`, which keeps memory page by page.

#[cfg_attr(all(target_os = "linux", target_env = "gnu"), path = "heap/allocator_linux.rs")]
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), path = "heap/allocator_other.rs")]
mod allocator;

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::metrics::Counters;

pub use allocator::{ALLOCATOR, Allocator};

/// How long after streams have ended their memory is given back: it may be wanted again, and the allocator itself keeps it for
/// a second.
const PAUSE: Duration = Duration::from_secs(3);

/// Gives memory back whenever there are fewer streams than there were, until the session is over.
pub(crate) async fn give_back(counters: watch::Receiver<Counters>) {
    give_back_after(counters, || sleep(PAUSE), allocator::give_back).await;
}

async fn give_back_after<F: Future<Output = ()>>(
    mut counters: watch::Receiver<Counters>,
    mut pause: impl FnMut() -> F,
    mut release: impl FnMut(),
) {
    let mut before = counters.borrow_and_update().streams;
    while counters.changed().await.is_ok() {
        let mut now = counters.borrow_and_update().streams;
        // Those that end during a pause may have ended too late for it.
        while now < before {
            before = now;
            pause().await;
            release();
            now = counters.borrow_and_update().streams;
        }
        before = now;
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
        fn start(streams: usize) -> Self {
            let counters = watch::Sender::new(Counters { streams, ..Counters::default() });
            let (to_steps, steps) = mpsc::unbounded_channel();
            let pause_over = Arc::new(Notify::new());
            let (over, pauses) = (Arc::clone(&pause_over), to_steps.clone());
            let pause = move || {
                pauses.send(Step::Pause).unwrap();
                let over = Arc::clone(&over);
                async move { over.notified().await }
            };
            let release = move || to_steps.send(Step::Release).unwrap();
            tokio::spawn(give_back_after(counters.subscribe(), pause, release));
            Self { counters, steps, pause_over }
        }

        /// So many streams from now on. The watching task runs before this returns: there is one thread.
        async fn set(&self, streams: usize) {
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
    async fn memory_is_given_back_a_while_after_streams_have_ended() {
        let mut watched = Watched::start(0);
        for streams in [1, 400, 400] {
            watched.set(streams).await;
            watched.expect_nothing();
        }
        watched.set(1).await;
        watched.expect(Step::Pause).await;
        watched.expect_nothing();
        watched.pause_over.notify_one();
        watched.expect(Step::Release).await;
        watched.set(2).await;
        watched.expect_nothing();
    }

    #[tokio::test]
    async fn streams_that_end_during_a_pause_have_one_of_their_own() {
        let mut watched = Watched::start(100);
        for streams in (0..100).rev() {
            watched.set(streams).await;
        }
        for _ in 0..2 {
            watched.expect(Step::Pause).await;
            watched.pause_over.notify_one();
            watched.expect(Step::Release).await;
        }
        watched.set(0).await;
        watched.expect_nothing();
    }
}
