//! All sessions of a process, looked at as one: proxy1 has one for each link of its configuration file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tunnel::metrics::Counters;
use tunnel::session::{Detail, Viewer};
use tunnel::view::{ItemId, Role, SessionView};

/// The sessions that run. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Sessions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    since: u64,
    started: Instant,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    made: u64,
    running: Vec<Session>,
}

#[derive(Clone, Debug)]
struct Session {
    /// Which one: its link has this number at proxy1.
    number: u64,
    name: Option<String>,
    viewer: Viewer,
}

/// A session among them, until this is dropped.
#[derive(Debug)]
pub(crate) struct Shown {
    sessions: Sessions,
    number: u64,
}

impl Sessions {
    /// None yet, in a process that starts now.
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Self(Arc::new(Shared { since, started: Instant::now(), all: Mutex::default() }))
    }

    /// One more, called so in the configuration file.
    pub(crate) fn add(&self, name: Option<String>, viewer: Viewer) -> Shown {
        let mut all = self.lock();
        all.made += 1;
        let number = all.made;
        all.running.push(Session { number, name, viewer });
        Shown { sessions: self.clone(), number }
    }

    /// What they show together.
    pub(crate) async fn view(&self, detail: Detail) -> SessionView {
        let mut whole: Option<SessionView> = None;
        for session in self.running() {
            let view = session.view(detail).await;
            match &mut whole {
                None => whole = Some(view),
                Some(whole) => join(whole, view),
            }
        }
        let uptime_ms = u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (since, pid) = (self.0.since, std::process::id());
        SessionView { since, uptime_ms, pid, ..whole.unwrap_or_default() }
    }

    /// The session that began first: at proxy2 there is one.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is nobody who asks"))]
    pub(crate) fn first(&self) -> Option<Viewer> {
        self.running().into_iter().next().map(|session| session.viewer)
    }

    /// Closes a link or a stream; whether there was one.
    pub(crate) async fn close(&self, id: ItemId) -> bool {
        for session in self.running() {
            if let Some(own) = session.own(id)
                && session.viewer.close(own).await
            {
                return true;
            }
        }
        false
    }

    /// They accept nothing new from now on.
    pub(crate) async fn drain(&self, limit: Option<Duration>) {
        for session in self.running() {
            session.viewer.drain(limit).await;
        }
    }

    /// Waits until none has streams. Cancel safe.
    pub(crate) async fn without_streams(&self) {
        for session in self.running() {
            session.viewer.without_streams().await;
        }
    }

    /// How many streams they have.
    pub(crate) fn stream_count(&self) -> u64 {
        self.running().iter().map(|session| session.viewer.stream_count()).sum()
    }

    /// What the links of each ticket have counted, by its name: at proxy2, which has one session.
    pub(crate) fn tickets(&self) -> BTreeMap<String, Counters> {
        self.running().first().map(|session| session.viewer.tickets()).unwrap_or_default()
    }

    fn running(&self) -> Vec<Session> {
        self.lock().running.clone()
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        // Nothing panics with the lock, and any state of the list is a valid one.
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    async fn view(&self, detail: Detail) -> SessionView {
        let mut view = self.viewer.view(detail).await;
        if view.role == Role::Proxy1 {
            // It has one link, which is the first in its own log.
            view.links.iter_mut().for_each(|link| link.number = self.number);
        }
        view.links.iter_mut().for_each(|link| link.name.clone_from(&self.name));
        view.listening.iter_mut().for_each(|place| place.link.clone_from(&self.name));
        view
    }

    /// What this session itself calls what is called so in the process, if it is one of its own.
    fn own(&self, id: ItemId) -> Option<ItemId> {
        match self.viewer.role() {
            Role::Proxy1 => (id.link == self.number).then_some(ItemId { link: 1, ..id }),
            Role::Proxy2 => Some(id),
        }
    }
}

/// Adds what another session of the process shows.
fn join(whole: &mut SessionView, view: SessionView) {
    // Lines of the log are counted for the process, and would be there twice.
    let lines = ["paso_log_lines_held_back_total", "paso_log_lines_dropped_total"];
    let lines = lines.map(|name| (name, whole.counters.get(name).max(view.counters.get(name))));
    whole.counters.add(&view.counters);
    lines.into_iter().for_each(|(name, value)| whole.counters.set(name, value));
    whole.udp.extend(view.udp);
    whole.listening.extend(view.listening);
    whole.links.extend(view.links);
    whole.links_left_out += view.links_left_out;
    whole.draining = whole.draining.or(view.draining);
    whole.predecessor = whole.predecessor.or(view.predecessor);
    whole.successor = whole.successor.or(view.successor);
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.sessions.lock().running.retain(|session| session.number != self.number);
    }
}
