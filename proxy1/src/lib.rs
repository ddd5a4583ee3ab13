//! `proxy1`: accepts TCP connections and carries them over UDP to a proxy2.

mod cli;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;
use tunnel::metrics::Counters;
pub use tunnel::options::EntrySettings as Settings;
use tunnel::session::{BindError, Session};

/// The program: 0 when it ended because it was asked to, 1 when it failed, 2 for bad usage.
pub fn main() -> ExitCode {
    match cli::parse(std::env::args_os(), cli::variable()) {
        Ok((settings, level)) => {
            tunnel::program::run(level, |signals| async { run(settings, signals.received()).await.map(drop) })
        }
        Err(error) => tunnel::cli::explain(&error),
    }
}

/// Binds the sockets; the session then tells its addresses and counters, and is run.
///
/// # Errors
/// A port in use, an unknown host: one sentence that names the argument.
pub async fn bind(settings: Settings) -> Result<Session, BindError> {
    Session::entry(settings).await
}

/// Binds and serves until `shutdown` completes.
///
/// # Errors
/// Those of [`bind`], and a broken UDP socket.
pub async fn run(settings: Settings, shutdown: impl Future<Output = ()>) -> anyhow::Result<Counters> {
    bind(settings).await?.run(shutdown).await.context("the UDP socket failed")
}
