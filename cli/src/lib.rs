//! What the programs have in common around their work: arguments and units on the command line, the log, signals, exit
//! codes. The home of clap (with the programs' own `args.rs`) and of `tracing-subscriber`; the library below needs neither.

pub mod config;
mod link_args;
pub mod program;
pub mod rules_file;
mod text;
pub mod units;
mod values;
mod verbosity;

use std::ffi::OsString;
use std::process::ExitCode;

pub use link_args::{ChosenLink, LinkArgs};
pub use tracing::level_filters::LevelFilter;
pub use values::{parse_count, parse_patience};
pub use verbosity::Verbosity;

/// What a command line says. Its first word is the program as its user calls it, `paso in` for one, which help and errors then
/// show.
///
/// # Errors
/// Bad usage, or a request for help or the version: to be printed, with its exit code.
pub fn parse<T: clap::Parser>(words: impl IntoIterator<Item = OsString>) -> Result<T, clap::Error> {
    let words: Vec<_> = words.into_iter().collect();
    let command = command::<T>(&words);
    let matches = command.clone().try_get_matches_from(words)?;
    T::from_arg_matches(&matches).map_err(|error| error.with_cmd(&command))
}

/// Columns of the help: what every terminal has, and a text that is quoted in a mail.
const COLUMNS: usize = 80;

/// The parser of `T`, for a program that is called as the first of `words`.
fn command<T: clap::Parser>(words: &[OsString]) -> clap::Command {
    let name = words.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    T::command().bin_name(name).max_term_width(COLUMNS)
}

/// The message of an error of the command line's parser, for a log.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Prints what the command line's parser has to say, and gives its exit code: 2 for bad usage, 1 for a file that cannot be read, 0 for
/// help.
pub fn explain(error: &clap::Error) -> ExitCode {
    // If the terminal is gone there is nobody left to tell.
    let _ = error.print();
    if error.kind() == clap::error::ErrorKind::Io {
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
