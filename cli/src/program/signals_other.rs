//! Ctrl-C, where there are no signals.

use std::io;

/// What asks for the end.
#[derive(Debug)]
pub struct Signals {}

impl Signals {
    /// Nothing is needed beforehand.
    #[expect(clippy::unnecessary_wraps, reason = "the other platforms' version can fail")]
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for Ctrl-C.
    pub async fn received(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("ending");
    }
}
