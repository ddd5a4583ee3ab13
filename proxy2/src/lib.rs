//! `proxy2`: takes streams from proxy1s over UDP and connects each to the target.

mod cli;
mod tickets;

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use tunnel::metrics::Counters;
pub use tunnel::options::ExitSettings as Settings;
use tunnel::session::{BindError, Session};

/// The program: 0 when it ended because it was asked to, 1 when it failed, 2 for bad usage.
pub fn main() -> ExitCode {
    if let Some(arguments) = tickets::arguments() {
        return tickets::main(arguments);
    }
    match cli::parse(std::env::args_os()) {
        Ok((settings, level)) => {
            tunnel::program::run(level, |signals| async { serve(settings, signals.received()).await })
        }
        Err(error) => tunnel::cli::explain(&error),
    }
}

/// As [`run`], and prints how a proxy1 joins.
async fn serve(settings: Settings, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let session = bind(settings).await?;
    if let Some(invitation) = session.invitation() {
        // If nobody reads it, `proxy2 ticket show` tells it as well.
        let _ = io::stdout().write_all(invitation.to_text().as_bytes());
    }
    session.run(shutdown).await.context("the UDP socket failed")?;
    Ok(())
}

/// Binds the sockets; the session then tells its addresses and counters, and is run.
///
/// # Errors
/// A port in use, an unknown host: one sentence that names the argument.
pub async fn bind(settings: Settings) -> Result<Session, BindError> {
    Session::exit(settings).await
}

/// Binds and serves until `shutdown` completes.
///
/// # Errors
/// Those of [`bind`], and a broken UDP socket.
pub async fn run(settings: Settings, shutdown: impl Future<Output = ()>) -> anyhow::Result<Counters> {
    bind(settings).await?.run(shutdown).await.context("the UDP socket failed")
}
