//! `proxy2`, or `paso out`: takes streams from proxy1s over UDP and connects each to the target.

mod args;
mod tickets;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Context;
use cli::program::{Printing, Signals, run_session, start_session};
use tunnel::invitation::Invitation;
use tunnel::session::Session;
use tunnel::settings::ProxySettings;

pub(crate) use tickets::main as tickets;

/// The program `proxy2`: [`main`], or `proxy2 ticket`.
pub(crate) fn proxy2(words: Vec<OsString>) -> ExitCode {
    match tickets::arguments(words) {
        Ok(words) => tickets("proxy2 ticket", words),
        Err(words) => main("proxy2", words),
    }
}

/// The program: 0 when it ended because it was asked to, 1 when it failed, 2 for bad usage.
pub(crate) fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    match args::parse(std::iter::once(name.into()).chain(words)) {
        Ok((settings, level)) => cli::program::run(level, |signals| serve(settings, signals)),
        Err(error) => cli::explain(&error),
    }
}

/// Prints how a proxy1 joins, and serves until a signal comes.
async fn serve(settings: ProxySettings, mut signals: Signals) -> anyhow::Result<()> {
    let Some(session) = start_session(Session::bind(settings), &mut signals).await? else { return Ok(()) };
    // In a log the ticket would stay for others to read. If nobody reads this, `proxy2 ticket add` makes another one.
    let secret = io::stdout().is_terminal();
    let text = |invitation: &Invitation| {
        if secret { invitation.with_secret() } else { invitation.without_secret() }
    };
    let printing = session.invitation().map(|invitation| Printing::start(text(invitation)));
    let result = run_session(session, signals).await.map(drop).context("the UDP socket failed");
    if let Some(printing) = printing {
        printing.finish().await;
    }
    result
}
