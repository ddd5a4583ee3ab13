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
#[command(name = "proxy2 ticket", bin_name = "proxy2 ticket", version)]
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

/// Whether the program was called as `proxy2 ticket …`; if so, what to parse. `--state DIR` may stand before `ticket`.
pub(crate) fn arguments(all: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    let mut words: Vec<_> = all.skip(1).collect();
    let before = match words.first()?.to_str() {
        Some("--state") => 2,
        Some(word) if word.starts_with("--state=") => 1,
        _ => 0,
    };
    if words.get(before)? != "ticket" {
        return None;
    }
    // It takes the place of the program's name, which the parser skips.
    let ticket = words.remove(before);
    words.insert(0, ticket);
    Some(words)
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
        Action::List => folder.all_tickets()?.iter().try_for_each(|record| list(out, record)),
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
    fn the_folder_may_stand_before_or_behind() {
        let arguments = |line: &str| {
            arguments(line.split_whitespace().map(OsString::from))
                .map(|words| Cli::try_parse_from(words).unwrap())
        };
        for line in [
            "ticket list --state x",
            "ticket --state x list",
            "--state x ticket list",
            "--state=x ticket list",
        ] {
            let cli = arguments(&format!("proxy2 {line}")).unwrap();
            assert_eq!(cli.state, Some(PathBuf::from("x")), "{line}");
        }
        for line in ["5000 ticket 80", "--state ticket 5000 localhost 80", "--state x", ""] {
            assert!(arguments(&format!("proxy2 {line}")).is_none(), "{line}");
        }
    }

    #[test]
    fn names_are_checked() {
        assert!(Cli::try_parse_from(["ticket", "add", "laptop", "--state", "x"]).is_ok());
        let error = Cli::try_parse_from(["ticket", "add", "a b"]).unwrap_err().to_string();
        assert!(error.contains("letters"), "{error}");
    }
}
