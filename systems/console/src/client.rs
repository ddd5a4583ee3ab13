//! The other end: a terminal or a script, and the stream to a server.

pub(crate) mod conversation;
#[cfg_attr(unix, path = "client/mode_unix.rs")]
#[cfg_attr(not(unix), path = "client/mode_other.rs")]
mod mode;
mod output;
mod script;
mod terminal;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use common::{NOT_ALL_DONE, run_to_code};
use paso_cli::Logging;
use paso_cli::program::Signals;
use tokio::sync::mpsc;

use self::conversation::{By, Ended, Input, Shown, converse};
use self::output::Output;
use crate::args::ConnectArgs;

/// Lines that may wait between a stream and a terminal or a pipe, each way.
const WAITING: usize = 64;

/// How long the end of the stream may take to reach proxy2, which is there.
const LAST_PACKETS: Duration = Duration::from_secs(1);

/// The program.
pub(crate) fn run(args: ConnectArgs, logging: Logging) -> ExitCode {
    run_to_code(logging, |signals| async move {
        let errors = session(args, signals).await?;
        Ok(if errors > 0 { NOT_ALL_DONE } else { 0 })
    })
}

/// Joins, and carries a session to its end; how many commands of a script were answered by an error.
async fn session(args: ConnectArgs, mut signals: Signals) -> anyhow::Result<u64> {
    let opening = async {
        let link = args.join.join().await?;
        let stream = common::open(&link, &format!("@{}", args.name.trim_start_matches('@'))).await?;
        anyhow::Ok((link, stream))
    };
    let (link, stream) = tokio::select! {
        biased;
        () = signals.received() => return Ok(0),
        opened = opening => opened?,
    };
    let (lines, input) = mpsc::channel(WAITING);
    let (output, is_script) = begin(&args, lines)?;
    let shows = if args.command.is_empty() { Shown::All } else { Shown::Answers };
    let shown = (output.sender(), shows);
    let ended = converse(stream, input, shown, args.patience, signals.received()).await;
    let written = output.finish().await;
    link.finish(LAST_PACKETS).await.context("the link did not end in order")?;
    written.context("cannot write to stdout")?;
    let Ended { by, errors } = ended?;
    match by {
        By::Us | By::Output => Ok(if is_script { errors } else { 0 }),
        By::Server => bail!("the server has ended the session"),
    }
}

/// Starts to read and to show lines, and says whether it is a script that they come from.
fn begin(args: &ConnectArgs, lines: mpsc::Sender<Input>) -> anyhow::Result<(Output, bool)> {
    if !args.command.is_empty() {
        script::give(args.command.clone(), lines);
        return Ok((Output::plain(), true));
    }
    if stdin().is_terminal()
        && stdout().is_terminal()
        && let Some(output) = terminal::start(args.history.as_deref(), lines.clone())?
    {
        return Ok((output, false));
    }
    script::read(lines);
    Ok((Output::plain(), !stdin().is_terminal()))
}
