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
        return ticket.map_err(|error: TicketError| wrong(&no_ticket(&place, text, error)));
    }
    match &args.ticket_file {
        Some(path) if path.as_os_str() == "-" => {
            if let Some(ticket) = stdin.0.get() {
                return Ok(TicketSource::Given(ticket.clone()));
            }
            let ticket = ticket_from_stdin().map_err(|error| wrong(&error))?;
            Ok(TicketSource::Given(stdin.0.get_or_init(|| ticket).clone()))
        }
        Some(path) if is_like_a_ticket(path) => Err(wrong(
            &"--ticket-file takes the name of a file, and what it got begins like a ticket: write the ticket into a file, or \
              give it with --ticket",
        )),
        Some(path) => Ok(TicketSource::File(path.clone())),
        None => Ok(TicketSource::State(state.map(Path::to_owned))),
    }
}

/// Why a text is no ticket. It is not repeated unless it is the name of a file: it could be a secret.
fn no_ticket(place: &str, text: &str, error: TicketError) -> String {
    let path = Path::new(text.trim());
    if path.is_file() {
        format!("{place}: that is the name of a file: write --ticket-file {}", path.display())
    } else if error != TicketError::NotATicket {
        format!("{place}: {error}")
    } else if text.contains(['/', '\\', '.']) {
        format!("{place}: {error}; a file that holds one is given with --ticket-file FILE")
    } else {
        format!("{place}: {error}")
    }
}

/// Whether what should be the name of a file is a ticket, or a part of one. It must not get as far as an error that repeats it.
fn is_like_a_ticket(path: &Path) -> bool {
    /// Characters of a ticket that no name has in a row behind `paso1`.
    const MANY: usize = 32;
    let text = path.to_string_lossy().to_ascii_lowercase();
    let rest = text.trim_start().strip_prefix("paso1");
    let is_ticket = rest.is_some_and(|rest| rest.len() >= MANY && !rest.contains(['/', '\\', '.']));
    is_ticket && !path.exists()
}
