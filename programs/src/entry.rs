//! `proxy1`, or `paso in`: accepts TCP connections and carries them over UDP to a proxy2.

mod args;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use cli::program::{Signals, run_session, start_session};
use tunnel::session::Session;
use tunnel::settings::ProxySettings;

/// The program: 0 when it ended because it was asked to, 1 when it failed, 2 for bad usage.
pub(crate) fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(name.into()).chain(words);
    match args::parse(words, args::variable()) {
        Ok((settings, level)) => cli::program::run(level, |signals| serve(settings, signals)),
        Err(error) => cli::explain(&error),
    }
}

/// Serves until a signal comes.
async fn serve(settings: ProxySettings, mut signals: Signals) -> anyhow::Result<()> {
    let Some(session) = start_session(Session::bind(settings), &mut signals).await? else { return Ok(()) };
    run_session(session, signals).await.map(drop).context("the UDP socket failed")
}
