//! `proxy2`: takes streams from proxy1s over UDP and connects each to the target.

mod cli;
mod tickets;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use tunnel::options::ExitSettings;
use tunnel::program::Signals;
use tunnel::session::Session;

/// The program: 0 when it ended because it was asked to, 1 when it failed, 2 for bad usage.
pub fn main() -> ExitCode {
    if let Some(arguments) = tickets::arguments(std::env::args_os()) {
        return tickets::main(arguments);
    }
    match cli::parse(std::env::args_os()) {
        Ok((settings, level)) => tunnel::program::run(level, |signals| serve(settings, signals)),
        Err(error) => tunnel::cli::explain(&error),
    }
}

/// Prints how a proxy1 joins, and serves until a signal comes.
async fn serve(settings: ExitSettings, signals: Signals) -> anyhow::Result<()> {
    let session = Session::exit(settings).await?;
    if let Some(invitation) = session.invitation() {
        let mut stdout = io::stdout();
        // Elsewhere it would stay in a log that others read.
        let text = if stdout.is_terminal() { invitation.with_secret() } else { invitation.without_secret() };
        // If nobody reads it, `proxy2 ticket add` makes another ticket.
        let _ = stdout.write_all(text.as_bytes());
    }
    session.run(signals.received()).await.map(drop).context("the UDP socket failed")
}
