//! Whether a session accepts nothing new any more.

use std::sync::Arc;

use tokio::sync::watch;

/// Set once, for all links of a session, also those that begin later. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct DrainFlag(Arc<watch::Sender<bool>>);

impl DrainFlag {
    /// Whether it is set.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Sets it.
    pub(crate) fn set(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is set. Cancel safe.
    pub(crate) async fn wait(&self) {
        // The sender is in this value.
        let _ = self.0.subscribe().wait_for(|set| *set).await;
    }
}
