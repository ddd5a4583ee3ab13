//! Wakers for each stream of a task, so that one task can own many connections and touch only those that moved. And one for all
//! that moves seldom.

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

/// The task that was told last whom to wake: a task that is polled for each packet compares, and takes no lock to say the same again.
#[derive(Debug, Default)]
pub(crate) struct KnownTask(Option<Waker>);

impl KnownTask {
    /// Whether it is another one than the last time.
    pub(crate) fn is_news(&mut self, task: &Waker) -> bool {
        let is_news = self.0.as_ref().is_none_or(|known| !known.will_wake(task));
        if is_news {
            self.0 = Some(task.clone());
        }
        is_news
    }
}

/// What a task looks at only when it was woken: a task that is polled for each packet asks one flag.
#[derive(Debug)]
pub(crate) struct Seldom {
    shared: Arc<SeldomWoken>,
    /// Wakes it.
    waker: Waker,
    /// The task that it wakes.
    task: KnownTask,
}

#[derive(Debug)]
struct SeldomWoken {
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Seldom {
    /// It is looked at once.
    pub(crate) fn new() -> Self {
        let shared = Arc::new(SeldomWoken { woken: AtomicBool::new(true), task: Mutex::new(None) });
        Self { waker: Waker::from(Arc::clone(&shared)), shared, task: KnownTask::default() }
    }

    /// It is looked at by the next poll, by whoever polls next.
    pub(crate) fn look_again(&self) {
        self.shared.woken.store(true, Ordering::Release);
    }

    /// What to poll it with, if it is to be looked at; `task` is woken from now on when it is woken. Whoever polls has to find
    /// everything pending, or [`look_again`](Self::look_again).
    pub(crate) fn take(&mut self, task: &Waker) -> Option<Waker> {
        if self.task.is_news(task) {
            *self.shared.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.clone());
        }
        let woken = &self.shared.woken;
        (woken.load(Ordering::Acquire) && woken.swap(false, Ordering::AcqRel)).then(|| self.waker.clone())
    }
}

impl Wake for SeldomWoken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Debug, Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_moves_seldom_is_looked_at_when_it_was_woken_and_wakes_who_looked_last() {
        let tasks = [Arc::<Task>::default(), Arc::<Task>::default()];
        let wakers = tasks.clone().map(Waker::from);
        let mut seldom = Seldom::new();
        let waker = seldom.take(&wakers[0]).expect("nobody has looked yet");
        assert!(seldom.take(&wakers[0]).is_none());
        waker.wake_by_ref();
        assert!(seldom.take(&wakers[1]).is_some() && seldom.take(&wakers[1]).is_none());
        waker.wake();
        assert_eq!(tasks.each_ref().map(|task| task.0.load(Ordering::Relaxed)), [1, 1]);
        assert!(seldom.take(&wakers[1]).is_some());
        seldom.look_again();
        assert!(seldom.take(&wakers[1]).is_some() && seldom.take(&wakers[1]).is_none());
    }

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
