//! Wakers for each stream of a task, so that one task can own many connections and touch only those that moved.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The streams of one task that were woken since it last looked.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    state: Mutex<WakeState>,
    /// Whether there may be any: most of the time nothing was woken, and the lock is left alone.
    has_woken: AtomicBool,
}

#[derive(Debug, Default)]
struct WakeState {
    woken: Vec<usize>,
    task: Option<Waker>,
}

impl Ready {
    /// An empty set.
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A waker that puts `key` into the set and wakes the task.
    pub(crate) fn waker(self: &Arc<Self>, key: usize) -> (Waker, Arc<StreamWaker>) {
        let waker = Arc::new(StreamWaker { key, woken: AtomicBool::new(false), ready: Arc::clone(self) });
        (Waker::from(Arc::clone(&waker)), waker)
    }

    /// Says whom to wake from now on.
    pub(crate) fn register(&self, task: &Waker) {
        keep_waker(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).task, task);
    }

    /// Moves the woken keys to the end of `into`. A key may belong to a stream that is gone.
    pub(crate) fn take(&self, into: &mut Vec<usize>) {
        if self.has_woken.load(Ordering::Acquire) && self.has_woken.swap(false, Ordering::AcqRel) {
            into.append(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).woken);
        }
    }
}

/// Remembers whom to wake. Nearly always that is the same as before, and nothing is done.
pub(crate) fn keep_waker(slot: &mut Option<Waker>, waker: &Waker) {
    match slot {
        Some(old) if old.will_wake(waker) => {}
        slot => *slot = Some(waker.clone()),
    }
}

/// One stream's waker.
#[derive(Debug)]
pub(crate) struct StreamWaker {
    key: usize,
    woken: AtomicBool,
    ready: Arc<Ready>,
}

impl StreamWaker {
    /// To be called when the stream is looked at: from here on it can be woken again.
    pub(crate) fn rearm(&self) {
        self.woken.store(false, Ordering::Release);
    }
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let task = {
            let mut state = self.ready.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.woken.push(self.key);
            self.ready.has_woken.store(true, Ordering::Release);
            state.task.clone()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woken(ready: &Ready) -> Vec<usize> {
        let mut keys = Vec::new();
        ready.take(&mut keys);
        keys
    }

    #[test]
    fn a_stream_is_reported_once_until_it_is_looked_at() {
        let ready = Ready::new();
        let (waker, stream) = ready.waker(7);
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(woken(&ready), [7]);
        waker.wake_by_ref();
        assert!(woken(&ready).is_empty());
        stream.rearm();
        waker.wake_by_ref();
        assert_eq!(woken(&ready), [7]);
    }
}
