//! Hears of the changes of a value from a task that is polled for other reasons most of the time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

/// The changes of a value, as long as there is somebody who could change it.
pub(crate) struct Changes<T> {
    /// As old as the one that waits: it shows whether that has anything to tell.
    seen: watch::Receiver<T>,
    /// `None`: nobody is left who could change it.
    waiting: Option<Waiting<T>>,
    /// Whom the one that waits wakes.
    waker: Option<Waker>,
}

type Waiting<T> = Pin<Box<dyn Future<Output = Option<watch::Receiver<T>>> + Send>>;

impl<T: Send + Sync + 'static> Changes<T> {
    /// The changes that `receiver` has not seen.
    pub(crate) fn of(receiver: watch::Receiver<T>) -> Self {
        Self { seen: receiver.clone(), waiting: Some(Box::pin(next(receiver))), waker: None }
    }

    /// Ready when the value has changed since the last time; several changes may be one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.waiting else { return Poll::Pending };
        let is_registered = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        // Polled for something else: what waits would take a lock to find out the same.
        if is_registered && matches!(self.seen.has_changed(), Ok(false)) {
            return Poll::Pending;
        }
        let Poll::Ready(receiver) = waiting.as_mut().poll(cx) else {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        match receiver {
            Some(receiver) => {
                *self = Self::of(receiver);
                Poll::Ready(())
            }
            None => {
                self.waiting = None;
                Poll::Pending
            }
        }
    }
}

async fn next<T>(mut receiver: watch::Receiver<T>) -> Option<watch::Receiver<T>> {
    receiver.changed().await.is_ok().then_some(receiver)
}

impl<T> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn each_change_is_told_once_and_wakes_whoever_polled_last() {
        let value = watch::Sender::new(0);
        let mut changes = Changes::of(value.subscribe());
        for number in 1..4 {
            let mut nobody = Context::from_waker(Waker::noop());
            assert!(changes.poll(&mut nobody).is_pending() && changes.poll(&mut nobody).is_pending());
            let (told, ()) = tokio::join!(poll_fn(|cx| changes.poll(cx)), async {
                tokio::task::yield_now().await;
                value.send_replace(number);
            });
            assert_eq!(told, ());
        }
        drop(value);
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(changes.poll(&mut nobody).is_pending() && changes.waiting.is_none());
    }
}
