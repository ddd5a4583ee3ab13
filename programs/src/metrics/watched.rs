//! What the page and the metrics show: all sessions of the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dashboard::{Phase, Source};
use tunnel::metrics::Counters;
use tunnel::session::Detail;
use tunnel::view::{Role, SessionView};

use crate::control::sessions::Sessions;

/// The sessions of the process, and what they do not say of it. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Watched(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    role: Role,
    sessions: Sessions,
    is_ready: AtomicBool,
    memory: AtomicU64,
}

impl Watched {
    /// Nothing is ready yet.
    pub(super) fn new(role: Role, sessions: Sessions) -> Self {
        let (is_ready, memory) = (AtomicBool::new(false), AtomicU64::new(0));
        Self(Arc::new(Shared { role, sessions, is_ready, memory }))
    }

    /// All is there that the settings ask for, and the data of all streams may take so many bytes.
    pub(super) fn set_ready(&self, memory: u64) {
        self.0.memory.store(memory, Ordering::Relaxed);
        self.0.is_ready.store(true, Ordering::Relaxed);
    }
}

impl Source for Watched {
    async fn view(&self, detail: Detail) -> SessionView {
        let view = self.0.sessions.view(detail).await;
        let version = option_env!("PASO_VERSION").unwrap_or(env!("CARGO_PKG_VERSION")).into();
        // Without a session, as before the first, there is only what the process knows of itself.
        let taken_at = view.taken_at.max(view.since.saturating_add(view.uptime_ms));
        SessionView { version, role: self.0.role, taken_at, ..view }
    }

    fn phase(&self) -> Phase {
        if self.0.is_ready.load(Ordering::Relaxed) { Phase::Running } else { Phase::Starting }
    }

    fn tickets(&self) -> BTreeMap<String, Counters> {
        self.0.sessions.tickets()
    }

    fn memory_budget(&self) -> u64 {
        self.0.memory.load(Ordering::Relaxed)
    }
}
