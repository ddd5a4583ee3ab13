//! What asks for the end where there are no signals.

use std::io;

/// Completes with Ctrl-C.
///
/// # Errors
/// None here.
pub(crate) fn signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a console nobody can ask.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
