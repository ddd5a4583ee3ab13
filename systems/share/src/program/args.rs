//! The command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use common::JoinArgs;
use paso_cli::Verbosity;
use paso_cli::units::{at_least, parse_size};

use crate::client::Sized as FileSize;
use crate::wire::reply::StatusForm;

/// Shares files: a server that knows who has what, and clients that fetch files from each other
///
/// The server and the clients join a proxy2, each with its ticket; nobody needs an open port or a certificate. The server also
/// speaks the protocol of the course "Distributed Systems" over plain TCP.
#[derive(Clone, Debug, Parser)]
#[command(name = "share", version, after_long_help = AFTER)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,

    #[command(flatten)]
    pub(super) verbosity: Verbosity,
}

const AFTER: &str = "\
Exit codes:
  0  ended as asked
  1  could not start, or not go on; a sentence says why
  2  bad usage

docs/systems/share.md says what the protocol is and who may do what.";

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    Serve(Serve),
    Client(Client),
    Log(Log),
    Time(Time),
}

/// Runs the server: who is there, and who has which file
///
/// It publishes its name at the proxy2 that it joins, and may listen on a TCP port too, for programs of the course.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  share serve --at exit.example:5000 --ticket-file share.ticket
      as @share, for all who may use that name
  share serve --listen 5000 --plain-only
      for programs of the course on this machine, without a proxy2
  share serve --listen 5000 --log http://127.0.0.1:6001 --time http://127.0.0.1:6002
      both, with the two services of `share log 6001` and `share time 6002`

The ticket needs the rules publish:share, publish:share.plain.* and use:share.*, those of
clients use:share, use:share.* and publish:share.of-TICKET.* with their own names.")]
pub(super) struct Serve {
    /// The name that is published
    #[arg(long, value_name = "NAME", default_value = crate::names::SERVER)]
    pub(super) name: String,

    /// The file that holds the index [default: paso-share/index in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<PathBuf>,

    /// Take clients of plain TCP too: they are not encrypted, and nobody proves who it is; a port alone is one of 127.0.0.1
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = parse_listen)]
    pub(super) listen: Option<SocketAddr>,

    /// Join no proxy2: plain TCP alone
    #[arg(long, requires = "listen")]
    pub(super) plain_only: bool,

    /// How the first byte of an answer to clients of plain TCP is written
    #[arg(long, value_name = "FORM", value_enum, default_value_t = StatusForm::Byte)]
    pub(super) status: StatusForm,

    /// The logger, which is told of each operation after its client has the answer
    #[arg(long, value_name = "URL")]
    pub(super) log: Option<String>,

    /// The clock, which says when an operation was if its client did not
    #[arg(long, value_name = "URL", requires = "log")]
    pub(super) time: Option<String>,

    #[command(flatten)]
    pub(super) join: JoinArgs,
}

/// Runs a client: type commands, or have a file of them carried out
///
/// A client serves what its user has published for as long as the user is connected, under a name that is published at proxy2: no
/// port is opened. Try HELP.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  share client --at exit.example:5000 --ticket-file laptop.ticket
      asks @share, commands are typed
  share client --script commands.txt --stay
      carries out a file of commands, and goes on serving what was published
  share client --server 127.0.0.1:5000
      a server of plain TCP, ours or any of the course

Exit codes:
  0  all was done
  1  could not start; a sentence says why
  2  bad usage
  3  a command of a script or a pipe was not done")]
pub(super) struct Client {
    /// The published name of the server
    #[arg(long, value_name = "NAME", default_value = crate::names::SERVER)]
    pub(super) name: String,

    /// A server of plain TCP instead: join no proxy2
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "name")]
    pub(super) server: Option<SocketAddr>,

    /// Where files are served if the server is one of plain TCP: a port alone is one of 127.0.0.1, 0 is any free one
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = parse_listen, default_value = "0", requires = "server")]
    pub(super) listen: SocketAddr,

    /// A file of commands, a line for each; without it they are read from standard input
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<PathBuf>,

    /// When there are no more commands, go on serving files until a signal comes
    #[arg(long)]
    pub(super) stay: bool,

    /// The folder that says what each user has published [default: paso-share in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "DIR")]
    pub(super) published: Option<PathBuf>,

    /// Whether the size is said before a file that GET_FILE asks for: clients of the course differ
    #[arg(long, value_name = "WHETHER", value_enum, default_value_t = FileSize::Sent)]
    pub(super) file_size: FileSize,

    #[command(flatten)]
    pub(super) join: JoinArgs,
}

/// Runs the logger: writes what servers report, a line for each operation
#[derive(Args, Clone, Debug)]
pub(super) struct Log {
    /// Where it listens (JSON-RPC over HTTP); a port alone is one of 127.0.0.1
    #[arg(value_name = "[ADDR:]PORT", value_parser = parse_listen)]
    pub(super) listen: SocketAddr,

    /// Write to the end of this file, instead of to stdout
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// A file that would be larger becomes FILE.1, in place of the one before it, and a new one begins
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = parse_file_size, requires = "file")]
    pub(super) file_size: u64,
}

/// Runs the clock: says what time it is, in UTC
#[derive(Args, Clone, Debug)]
pub(super) struct Time {
    /// Where it listens (JSON-RPC over HTTP); a port alone is one of 127.0.0.1
    #[arg(value_name = "[ADDR:]PORT", value_parser = parse_listen)]
    pub(super) listen: SocketAddr,
}

fn parse_file_size(text: &str) -> Result<u64, String> {
    /// Some hundred lines.
    const LEAST: u64 = 64 << 10;
    at_least(text, parse_size(text), LEAST, "64KiB")
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "a port, or an address and a port, as 127.0.0.1:5000 or [::1]:5000".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let parse = |words: &str| Cli::try_parse_from(words.split(' '));
        assert!(parse("share serve --listen 5000 --plain-only").is_ok());
        assert!(parse("share log 0 --file f --file-size 64KiB").is_ok());
        for wrong in [
            "share",
            "share serve --plain-only",
            "share serve --listen host",
            "share serve --time http://x",
            "share log 0 --file f --file-size 1k",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_listen("5000").unwrap().to_string(), "127.0.0.1:5000");
    }
}
