//! The threads that serve beside the one that a session runs on, so that somebody can ask whether each of them still does.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use slab::Slab;
use tokio::runtime::Handle;

/// The runtimes of the process's threads.
static THREADS: LazyLock<Mutex<Slab<Handle>>> = LazyLock::new(Mutex::default);

fn threads() -> MutexGuard<'static, Slab<Handle>> {
    // Nothing panics with the lock, and any state of it is a valid one.
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that serves, until this is dropped.
#[derive(Debug)]
pub(crate) struct Serving(usize);

impl Serving {
    /// The thread of this runtime does.
    pub(crate) fn start(runtime: Handle) -> Self {
        Self(threads().insert(runtime))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        threads().try_remove(self.0);
    }
}

/// Waits until each thread that serves now has run a task that it was given: for ever while one is stuck. The caller's own answers by
/// polling this. Cancel safe.
pub async fn all_answer() {
    let asked: Vec<_> = threads().iter().map(|(_, runtime)| runtime.spawn(async {})).collect();
    for answer in asked {
        // A thread that has ended since is not stuck.
        let _ = answer.await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::{Context, Waker};
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_thread_that_is_stuck_does_not_answer() {
        all_answer().await;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let serving = Serving::start(runtime.handle().clone());
        let ((go_on, stuck), (began, is_stuck)) = (mpsc::channel::<()>(), tokio::sync::oneshot::channel());
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::spawn(async move {
                    began.send(()).unwrap();
                    // What no task may do.
                    stuck.recv().unwrap();
                });
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            });
        });
        is_stuck.await.unwrap();
        {
            let mut asked = Box::pin(all_answer());
            let polled = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            go_on.send(()).unwrap();
            asked.await;
        }
        thread.join().unwrap();
        // Its runtime is gone.
        all_answer().await;
        drop(serving);
    }
}
