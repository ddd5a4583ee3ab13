//! Where a program that joins has its ticket from.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;
use cli::config::{Origin, Values};
use tunnel::settings::{Ticket, TicketError, TicketSource};
use tunnel::state::ticket_from_stdin;

use crate::usage::wrong;

/// The options that say it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sealed link")]
pub(crate) struct TicketArgs {
    /// The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two
    // Not parsed here: the parser repeats what it cannot parse, and this is a secret.
    #[arg(long, value_name = "TEXT", conflicts_with = "ticket_file")]
    ticket: Option<String>,

    /// A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input
    #[arg(long, value_name = "FILE")]
    ticket_file: Option<PathBuf>,
}

/// The ticket of the standard input, which is there once.
#[derive(Debug, Default)]
pub(crate) struct Stdin(OnceLock<Ticket>);

/// The ticket that was asked for. Waits for the standard input if it comes from there: before the program listens to signals, so
/// that Ctrl-C ends it.
///
/// # Errors
/// What is given is no ticket.
pub(crate) fn source(
    args: &TicketArgs,
    state: Option<&Path>,
    values: &Values,
    stdin: &Stdin,
) -> Result<TicketSource, clap::Error> {
    if let Some(text) = &args.ticket {
        let place = match values.origin("ticket") {
            Origin::CommandLine | Origin::Default => "--ticket".into(),
            Origin::Variable(name) => format!("the variable {name}"),
            file @ Origin::File { .. } => file.to_string(),
        };
        let ticket = text.parse().map(TicketSource::Given);
        return ticket.map_err(|error: TicketError| wrong(&format_args!("{place}: {error}")));
    }
    match &args.ticket_file {
        Some(path) if path.as_os_str() == "-" => {
            if let Some(ticket) = stdin.0.get() {
                return Ok(TicketSource::Given(ticket.clone()));
            }
            let ticket = ticket_from_stdin().map_err(|error| wrong(&error))?;
            Ok(TicketSource::Given(stdin.0.get_or_init(|| ticket).clone()))
        }
        Some(path) => Ok(TicketSource::File(path.clone())),
        None => Ok(TicketSource::State(state.map(Path::to_owned))),
    }
}
