//! The command line.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use common::{JoinArgs, time_within};
use paso_cli::Verbosity;

use crate::proxy::Proxy;
use crate::room::Limits;
use crate::serve::Settings;
use crate::{client, serve};

/// A command server for several people at a time, under a published name
#[derive(Debug, Parser)]
#[command(name = "console", version, args_conflicts_with_subcommands = true)]
#[command(before_help = EXAMPLES, after_help = AFTER, help_template = TEMPLATE)]
struct Cli {
    #[command(subcommand)]
    program: Option<Program>,

    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Debug, Subcommand)]
enum Program {
    /// Serve: publish the name, and answer whoever may use it
    #[command(before_help = SERVE_EXAMPLES, after_help = SERVE_AFTER, help_template = TEMPLATE)]
    Serve(ServeArgs),
}

/// How a client comes to a server, and what it says there.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectArgs {
    /// The name under which the server is published
    #[arg(long, value_name = "NAME", default_value = "console")]
    pub(crate) name: String,

    /// Give this command and end; may be repeated
    #[arg(short, long, value_name = "LINE")]
    pub(crate) command: Vec<String>,

    /// Keep the lines that are typed at a terminal in this file, and begin with those that are in it
    #[arg(long, value_name = "FILE", env = "CONSOLE_HISTORY")]
    pub(crate) history: Option<PathBuf>,

    /// End when the server has not been heard for so long
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time_within(PATIENCE))]
    pub(crate) patience: Duration,

    #[command(flatten)]
    pub(crate) join: JoinArgs,

    #[command(flatten)]
    verbosity: Verbosity,
}

#[derive(Args, Clone, Debug)]
struct ServeArgs {
    /// The name to publish
    #[arg(long, value_name = "NAME", default_value = "console")]
    name: String,

    /// Clients at a time
    #[arg(long, value_name = "COUNT", default_value = "256", value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,

    /// Clients at a time with one ticket
    #[arg(long, value_name = "COUNT", default_value = "64", value_parser = clap::value_parser!(u16).range(1..))]
    clients_of_ticket: u16,

    /// Let a client go that has not been heard for so long, as its machine or its network is gone
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time_within(PATIENCE))]
    silence: Duration,

    /// Let a client go that cannot be asked whether it is there, as `paso nc`, and that has sent no line for so long
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time_within(PATIENCE))]
    idle: Duration,

    /// Let whoever holds this ticket end sessions, and steer the proxy2 of --control; may be repeated
    #[arg(long, value_name = "TICKET", help_heading = "Operators")]
    operator: Vec<String>,

    /// The control socket of a proxy2 on this machine, of this user, or the folder that it is in
    #[arg(long, value_name = "SOCKET|FOLDER", requires = "operator", help_heading = "Operators")]
    control: Option<PathBuf>,

    #[command(flatten)]
    join: JoinArgs,

    #[command(flatten)]
    verbosity: Verbosity,
}

/// In seconds: with less everybody is late who is well, and more than a year is for ever.
const PATIENCE: RangeInclusive<u64> = 15..=31_536_000;

const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  console --ticket-file exit.ticket
      a session: type `help` there
  console -c who -c 'say the backup is done' --ticket-file exit.ticket
      two commands, for a script
  console serve --ticket-file shed.ticket
      the server; proxy2 lets it if its ticket may `publish:console`";

const AFTER: &str = "\
At a terminal lines are edited, the arrows fetch earlier ones, and Tab completes commands. Otherwise each line of standard \
input is a command, and its end is `quit`.

Exit codes: 0 the session has ended as you asked; 1 it could not begin, or was cut off, with a sentence that says why; 2 bad \
usage; 3 it was no session at a terminal, and a command was answered by an error.";

const SERVE_EXAMPLES: &str = "\
Examples:
  console serve --ticket-file shed.ticket
      published as @console
  console serve --operator laptop --control /run/user/1000/paso
      beside a proxy2: who holds the ticket laptop may look at it and steer it";

const SERVE_AFTER: &str = "\
Start one server for each name: clients of two do not meet, as proxy2 gives each client to one of them.

SIGTERM and Ctrl-C end it in order: all clients are told, and have five seconds to read it; a second signal ends it at once.

Exit codes: 0 a signal has asked for the end; 1 it could not begin, or nobody comes any more, with a sentence that says why; \
2 bad usage.";

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let words = std::iter::once("console".into()).chain(std::env::args_os().skip(1));
    match paso_cli::parse::<Cli>(words) {
        Ok(Cli { program: Some(Program::Serve(args)), .. }) => {
            let (name, join, logging) = (args.name.clone(), args.join.clone(), args.verbosity.logging());
            let settings = args.into_settings();
            paso_cli::program::run_service(logging, |signals| serve::run(join, name, settings, signals))
        }
        Ok(Cli { connect, .. }) => {
            let logging = connect.verbosity.logging_of_tool();
            client::run(connect, logging)
        }
        Err(error) => paso_cli::explain_with(&error, "console", "--ticket-file exit.ticket"),
    }
}

impl ServeArgs {
    fn into_settings(self) -> Settings {
        let limits = Limits {
            clients: self.clients.into(),
            of_ticket: self.clients_of_ticket.into(),
            silence: self.silence,
            idle: self.idle,
        };
        let operators = BTreeSet::from_iter(self.operator);
        Settings { limits, operators, proxy: self.control.map(Proxy::new) }
    }
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
    fn a_client_has_other_options_than_a_server() {
        let cli = Cli::try_parse_from(["console", "-c", "who", "--command", "time"]).unwrap();
        assert!(cli.program.is_none() && cli.connect.command == ["who", "time"]);
        let cli = Cli::try_parse_from(["console", "serve", "--operator", "a", "--control", "/x"]).unwrap();
        let Some(Program::Serve(args)) = cli.program else { panic!("{cli:?}") };
        let settings = args.into_settings();
        assert!(settings.proxy.is_some() && settings.operators.contains("a"));
        for wrong in [&["-c", "who", "serve"][..], &["serve", "--control", "/x"], &["--silence", "1m"]] {
            assert!(Cli::try_parse_from([&["console"], wrong].concat()).is_err(), "{wrong:?}");
        }
        assert!(Cli::try_parse_from(["console", "--patience", "14s"]).is_err());
    }
}
