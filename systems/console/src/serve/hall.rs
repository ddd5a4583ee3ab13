//! The room as the tasks of all clients share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use super::Settings;
use crate::room::{Number, Room};
use crate::session::Now;

/// Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Hall(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    settings: Settings,
    start: Instant,
    /// When it was last logged that there is no room.
    logged_full: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct State {
    room: Room,
    /// Who waits for news of each client.
    bells: BTreeMap<Number, Arc<Notify>>,
}

impl Hall {
    pub(super) fn new(settings: Settings) -> Self {
        let state = Mutex::new(State { room: Room::new(settings.limits), bells: BTreeMap::new() });
        Self(Arc::new(Inner { state, settings, start: Instant::now(), logged_full: Mutex::default() }))
    }

    /// Who may come, and what operators may look at.
    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Whether it is logged that somebody found no room: once a second, `stats` has the count.
    pub(super) fn may_log_full(&self) -> bool {
        let mut logged = self.0.logged_full.lock().unwrap_or_else(PoisonError::into_inner);
        let may = logged.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        if may {
            *logged = Some(Instant::now());
        }
        may
    }

    /// Does something in the room, and wakes those for whom there is something new. Nothing in it waits.
    pub(super) fn with<T>(&self, body: impl FnOnce(&mut Room, Now) -> T) -> T {
        let now = Now { since_start: self.0.start.elapsed(), wall: SystemTime::now() };
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = body(&mut state.room, now);
        for number in state.room.woken() {
            if let Some(bell) = state.bells.get(&number) {
                bell.notify_one();
            }
        }
        result
    }

    /// What rings when there is something new for a client.
    pub(super) fn bell(&self, number: Number) -> Arc<Notify> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(state.bells.entry(number).or_default())
    }

    /// A client is over.
    pub(super) fn forget(&self, number: Number) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.room.forget(number);
        state.bells.remove(&number);
    }

    /// When something happens that happens so long after the start.
    pub(super) fn instant(&self, since_start: Duration) -> tokio::time::Instant {
        (self.0.start + since_start).into()
    }
}
