//! Ctrl-C, where there are no signals.

use std::io;

use super::{EndAsked, manager};

/// What asks for the end.
#[derive(Debug)]
pub struct Signals {}

impl Signals {
    /// Nothing is needed beforehand.
    #[expect(clippy::unnecessary_wraps, reason = "the other platforms' version can fail")]
    ///
    /// # Errors
    /// The system does not let it.
    ///
    /// # Panics
    /// Outside a runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for Ctrl-C. Cancel safe.
    pub async fn received(&mut self) {
        self.end_asked().await;
    }

    /// The same: it asks for the end at once. Cancel safe.
    pub async fn end_asked(&mut self) -> EndAsked {
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("ending");
        manager::stopping();
        EndAsked::AtOnce
    }
}
