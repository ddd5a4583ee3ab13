//! What the programs have in common around their work: arguments and units on the command line, the log, signals, exit
//! codes. The home of clap (with the programs' own `args.rs`) and of `tracing-subscriber`; the library below needs neither.

pub mod config;
mod control_args;
mod link_args;
mod nearest;
pub mod program;
pub mod rules_file;
mod secrets;
pub mod terminal;
mod text;
pub mod units;
mod values;
mod verbosity;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

pub use control_args::ControlArgs;
pub use link_args::{ChosenLink, LinkArgs};
pub use nearest::nearest;
pub use tracing::level_filters::LevelFilter;
pub use values::{parse_count, parse_patience, path_parser};
pub use verbosity::{LogFormat, Logging, Verbosity};

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

/// The parser of `T`, for a program that is called as the first of `words`.
fn command<T: clap::Parser>(words: &[OsString]) -> clap::Command {
    let name = words.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    T::command().bin_name(name).max_term_width(terminal::COLUMNS)
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
    print_error(error, None)
}

/// As [`explain`], with a command line below it that is right, where this one is not: the program as its user calls it, and arguments.
pub fn explain_with(error: &clap::Error, program: &str, arguments: &str) -> ExitCode {
    print_error(error, Some((program, arguments)))
}

fn exit_code(error: &clap::Error) -> ExitCode {
    if error.kind() == clap::error::ErrorKind::Io {
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn print_error(error: &clap::Error, example: Option<(&str, &str)>) -> ExitCode {
    let is_coloured = if error.use_stderr() {
        terminal::takes_escapes(&io::stderr())
    } else {
        terminal::takes_escapes(&io::stdout())
    };
    let text = error.render();
    let text = if is_coloured { text.ansi().to_string() } else { text.to_string() };
    if !error.use_stderr() {
        // Its lines are fitted already.
        return program::print(&text);
    }
    let text = with_example(&text, example.filter(|_| error.kind() != clap::error::ErrorKind::Io));
    let text = terminal::fitted(&secrets::hidden(&text), &io::stderr());
    // If the terminal is gone there is nobody left to tell.
    let _ = io::stderr().write_all(text.as_bytes());
    exit_code(error)
}

/// What is wrong, and below it what is right.
fn with_example(text: &str, example: Option<(&str, &str)>) -> String {
    let Some((program, arguments)) = example else { return text.to_owned() };
    // Errors of the parser end with this, others do not.
    let what = text.split("\nFor more information").next().unwrap_or(text).trim_end();
    format!("{what}\n\nExample: {program} {arguments}\nFor more information, try `{program} --help`.\n")
}
