//! The program: its command line, and what each subcommand starts.

mod args;
mod asking;
mod log_file;
mod serving;

use std::ffi::OsString;
use std::process::ExitCode;

use self::args::{Cli, Command};

/// Runs it. Exit codes are in the help.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli: Cli = match paso_cli::parse(words) {
        Ok(cli) => cli,
        Err(error) => return paso_cli::explain(&error),
    };
    let logging = cli.verbosity.logging();
    match cli.command {
        Command::Serve(serve) => paso_cli::program::run(logging, |signals| serving::serve(serve, signals)),
        Command::Client(client) => asking::client(client, cli.verbosity.logging_of_tool()),
        Command::Log(log) => paso_cli::program::run(logging, |signals| serving::log(log, signals)),
        Command::Time(time) => paso_cli::program::run(logging, |signals| serving::time(time, signals)),
    }
}
