//! The signals that ask for the end.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// Listens from now on; completes with SIGINT or SIGTERM.
///
/// # Errors
/// The system takes no handler.
pub(crate) fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = unix::signal(SignalKind::interrupt())?;
    let mut terminate = unix::signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
