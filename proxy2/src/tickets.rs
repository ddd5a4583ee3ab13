//! `proxy2 ticket`: makes, shows and revokes tickets, whether proxy2 runs or not.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tunnel::options::TicketRecord;
use tunnel::state::{Standing, StateDir, TicketName};

/// Makes, shows and revokes the tickets that let a proxy1 join
#[derive(Debug, Parser)]
#[command(name = "proxy2 ticket", version)]
struct Cli {
    #[command(subcommand)]
    action: Action,

    /// Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]
    #[arg(long, value_name = "DIR", global = true)]
    state: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a ticket and print it; a running proxy2 takes it within a second
    Add {
        /// 1 to 64 letters, digits, '-', '_', '.'
        name: TicketName,
    },
    /// List all tickets by name
    List,
    /// Print a ticket again
    Show {
        /// The ticket
        name: TicketName,
    },
    /// Let nobody in with this ticket any more; a running proxy2 ends its links within a second
    Revoke {
        /// The ticket
        name: TicketName,
    },
}

/// Whether the program was called as `proxy2 ticket …`; if so, the arguments from `ticket` on.
pub(crate) fn arguments() -> Option<Vec<OsString>> {
    let mut all = std::env::args_os().skip(1);
    let first = all.next().filter(|first| first == "ticket")?;
    Some(std::iter::once(first).chain(all).collect())
}

/// Runs the command: 0 if it was done, 1 if not, 2 for bad usage.
pub(crate) fn main(arguments: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return tunnel::cli::explain(&error),
    };
    match run(cli, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => tunnel::program::fail(&format_args!("{error:#}")),
    }
}

fn run(cli: Cli, out: &mut impl Write) -> anyhow::Result<()> {
    let folder = StateDir::locate(cli.state)?;
    match cli.action {
        Action::Add { name } => {
            let key = folder.server()?.key;
            let ticket = folder.add_ticket(&key, name)?;
            writeln!(out, "{}", ticket.to_text().as_str())
        }
        Action::Show { name } => writeln!(out, "{}", folder.show_ticket(&name)?.to_text().as_str()),
        Action::List => folder.tickets()?.iter().try_for_each(|record| list(out, record)),
        Action::Revoke { name } => {
            folder.revoke_ticket(&name)?;
            writeln!(out, "{name} is revoked")
        }
    }
    .context("cannot write to stdout")
}

fn list(out: &mut impl Write, record: &TicketRecord) -> io::Result<()> {
    let standing = match record.standing {
        Standing::Valid(_) => "valid",
        Standing::Revoked(_) => "revoked",
    };
    writeln!(out, "{:<20} {standing:<8} {}", record.name, record.client())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_are_checked() {
        assert!(Cli::try_parse_from(["ticket", "add", "laptop", "--state", "x"]).is_ok());
        let error = Cli::try_parse_from(["ticket", "add", "a b"]).unwrap_err().to_string();
        assert!(error.contains("letters"), "{error}");
    }
}
