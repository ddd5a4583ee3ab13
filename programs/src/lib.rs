//! The programs of Paso. `paso` is all of them, each a subcommand; `proxy1` is `paso in` and `proxy2` is `paso out`, with
//! `paso ticket`; `proxy1 check` is `paso check`.

mod client;
mod commands;
mod control;
mod entry;
mod exit;
mod forwards;
mod metrics;
mod stdio;
mod steer;
mod ticket;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tunnel::view::Role;

use self::steer::Action;

pub use self::commands::commands;

/// TCP through networks that only let UDP pass
#[derive(Debug, Parser)]
#[command(name = "paso", version = VERSION, disable_help_subcommand = true, after_help = after_help())]
struct Cli {
    #[command(subcommand)]
    program: Program,
}

#[derive(Debug, Subcommand)]
enum Program {
    /// Accept TCP connections here and carry them over UDP to a proxy2: proxy1
    #[command(disable_help_flag = true)]
    In(Rest),
    /// Take what proxy1s send over UDP, and connect it to a target: proxy2
    #[command(disable_help_flag = true)]
    Out(Rest),
    /// Make, show and revoke the tickets that let a proxy1 join
    #[command(disable_help_flag = true)]
    Ticket(Rest),
    /// Connect standard input and output to something that proxy2 reaches
    #[command(disable_help_flag = true)]
    Nc(Rest),
    /// Say why a link does not come up, or why it is slow
    #[command(disable_help_flag = true)]
    Check(Rest),
    /// List the names that somebody publishes and this ticket may use
    #[command(disable_help_flag = true)]
    Find(Rest),
    /// Show what running proxies carry
    #[command(disable_help_flag = true)]
    Status(Rest),
    /// Show what running proxies carry, as it changes
    #[command(disable_help_flag = true)]
    Top(Rest),
    /// Reset a stream of a running proxy, or all of a link
    #[command(disable_help_flag = true)]
    Close(Rest),
    /// Have a running proxy read its files again
    #[command(disable_help_flag = true)]
    Reload(Rest),
    /// Have a running proxy end with its last stream
    #[command(disable_help_flag = true)]
    Drain(Rest),
    /// Have a running proxy2 started again as it is installed now, without the loss of a stream
    #[command(disable_help_flag = true)]
    Restart(Rest),
    /// An echo server, and a client that checks every byte that returns
    #[command(disable_help_flag = true)]
    Echo(Rest),
}

/// What the subcommand parses itself.
#[derive(Args, Debug)]
struct Rest {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// The version, and where it is known the commit that it was built from.
const VERSION: &str = env!("PASO_VERSION");

/// What a program's end says.
const EXIT_CODES: &str = "Exit codes: 0 ended because it was asked to, or done; 1 failed, with a sentence that says why; 2 bad usage.";

/// Where options can be said.
const PLACES: &str = "\
Each option --like-this is also the variable PASO_LIKE_THIS and the key like-this of the configuration file; lists in \
variables have blanks between their parts. The command line comes before variables, these before the file; forwards of all \
places add up. docs/configuration.md has an example.";

/// The help of a program that begins with examples.
const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

fn after_help() -> String {
    format!("`paso in --help` has the options of `in`, and so on.\n\n{EXIT_CODES}")
}

/// The program `paso`.
pub fn paso() -> ExitCode {
    let words = std::iter::once("paso".into()).chain(std::env::args_os().skip(1));
    let cli: Cli = match cli::parse(words) {
        Ok(cli) => cli,
        Err(error) => return cli::explain(&error),
    };
    match cli.program {
        Program::In(rest) => entry::main("paso in", rest.words),
        Program::Out(rest) => exit::main("paso out", rest.words),
        Program::Ticket(rest) => exit::tickets("paso ticket", rest.words),
        Program::Nc(rest) => client::nc::main("paso nc", rest.words),
        Program::Check(rest) => client::doctor::main("paso check", rest.words),
        Program::Find(rest) => client::find::main("paso find", rest.words),
        Program::Status(rest) => steer::main(Action::Status, "paso status", None, rest.words),
        Program::Top(rest) => steer::main(Action::Top, "paso top", None, rest.words),
        Program::Close(rest) => steer::main(Action::Close, "paso close", None, rest.words),
        Program::Reload(rest) => steer::main(Action::Reload, "paso reload", None, rest.words),
        Program::Drain(rest) => steer::main(Action::Drain, "paso drain", None, rest.words),
        Program::Restart(rest) => steer::main(Action::Restart, "paso restart", None, rest.words),
        Program::Echo(rest) => echo::main("paso echo", rest.words),
    }
}

/// The program `proxy1`.
pub fn proxy1() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    // No port is called like that.
    if words.next_if(|word| word == "check").is_some() {
        return client::doctor::main("proxy1 check", words);
    }
    let words = words.collect();
    steer::of_words("proxy1", Role::Proxy1, words).unwrap_or_else(|words| entry::main("proxy1", words))
}

/// The program `proxy2`.
pub fn proxy2() -> ExitCode {
    exit::proxy2(std::env::args_os().skip(1).collect())
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
    fn the_version_says_the_commit_where_there_is_one() {
        let commit = VERSION.strip_prefix(env!("CARGO_PKG_VERSION")).unwrap();
        let is_git = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.git").exists();
        assert_eq!(
            !commit.is_empty(),
            is_git || option_env!("PASO_COMMIT").is_some_and(|said| !said.is_empty())
        );
        assert!(commit.is_empty() || commit.starts_with(" (") && commit.ends_with(')'), "{commit}");
    }

    #[test]
    fn a_subcommand_gets_all_that_follows_it() {
        let cli = Cli::try_parse_from(["paso", "in", "--help", "-L", "x", "--", "y"]).unwrap();
        let Program::In(rest) = cli.program else { panic!("{cli:?}") };
        assert_eq!(rest.words, ["--help", "-L", "x", "--", "y"]);
    }
}
