//! `paso nc`: standard input and output on one stream.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{CommandFactory, Parser};
use cli::config::Environment;
use cli::program::Signals;
use paso::{Link, OpenError, Stream};
use tokio::time::timeout;
use tunnel::settings::Destination;

use super::{JoinArgs, Joining};
use crate::stdio;

/// Connects standard input and output to HOST:PORT as proxy2 sees it, or to a published name
#[derive(Clone, Debug, Parser)]
#[command(name = "nc", version = crate::VERSION, before_help = EXAMPLES, after_help = after_help(), help_template = crate::TEMPLATE)]
struct Cli {
    /// Where to, in the words of -W of `paso in`; a host alone with the next word
    #[arg(value_name = "HOST:PORT|@NAME|/SOCKET")]
    target: String,

    /// The port, as a word of its own
    #[arg(value_name = "PORT")]
    port: Option<String>,

    #[command(flatten)]
    join: JoinArgs,
}

const EXAMPLES: &str = "\
Examples:
  ssh -o ProxyCommand='paso nc %h %p' inner.example
      ssh, to where proxy2 may go; PASO_TICKET_FILE and PASO_AT say how to join
  paso nc @files --ticket-file exit.ticket
      a service that somebody has published";

fn after_help() -> String {
    let codes = "Exit codes: 0 the other side has ended in order; 1 not connected, or reset, with a sentence that says why; 2 bad usage.";
    format!("{}\n\n{codes}", crate::PLACES)
}

/// Its options.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// The program: 0 when the other side has ended in order, 1 when it was not reached or has reset, 2 for bad usage.
pub(crate) fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(name.into()).chain(words).collect();
    let parsed = super::parse::<Cli>(words, Environment::of_process(), |cli| &cli.join);
    let parsed = parsed.and_then(|(cli, joining)| Ok((destination(&cli)?, joining, cli)));
    match parsed {
        Ok((destination, joining, cli)) => {
            let logging = cli.join.verbosity.logging_of_tool();
            cli::program::run(logging, |signals| serve(destination, joining, signals))
        }
        Err(error) => cli::explain_with(&error, name, "inner.example:22 --ticket-file exit.ticket"),
    }
}

fn destination(cli: &Cli) -> Result<Destination, clap::Error> {
    let text = match &cli.port {
        // An IPv6 address, as ssh writes it.
        Some(port) if cli.target.contains(':') && !cli.target.starts_with('[') => {
            format!("[{}]:{port}", cli.target)
        }
        Some(port) => format!("{}:{port}", cli.target),
        None => cli.target.clone(),
    };
    super::destination(&text, "write HOST:PORT, @NAME or /SOCKET")
}

async fn serve(destination: Destination, joining: Joining, mut signals: Signals) -> anyhow::Result<()> {
    let carried = async {
        let link = joining.join().await?;
        let stream = open(&link, &destination.to_string()).await?;
        stdio::carry(stream).await?;
        link.close().await.context("the link did not end in order")
    };
    tokio::select! {
        biased;
        () = signals.received() => Ok(()),
        carried = carried => carried,
    }
}

/// Opens the stream. Where rules forbid it, proxy2 says which one would allow it.
async fn open(link: &Link, to: &str) -> anyhow::Result<Stream> {
    let error = match link.open(to).await {
        Ok(stream) => return Ok(stream),
        Err(error) => error,
    };
    let why = async { if error == OpenError::Forbidden { link.why_forbidden(to).await } else { None } };
    match timeout(stdio::WHY, why).await {
        Ok(Some(why)) => Err(anyhow!("{why}")),
        Ok(None) | Err(_) => Err(error).with_context(|| to.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_target_is_one_word_or_two() {
        let text = |words: &[&str]| {
            let cli = Cli::try_parse_from([&["nc"], words].concat()).unwrap();
            destination(&cli).map(|destination| destination.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(text(&["host.example:22"]).unwrap(), "host.example:22");
        assert_eq!(text(&["host.example", "22"]).unwrap(), "host.example:22");
        assert_eq!(text(&["2001:db8::1", "22"]).unwrap(), "[2001:db8::1]:22");
        assert_eq!(text(&["@files"]).unwrap(), "@files");
        assert_eq!(text(&["/run/x.sock"]).unwrap(), "unix/run/x.sock");
        assert!(text(&["host.example"]).unwrap_err().contains("without a port"));
        assert!(text(&["host", "http"]).unwrap_err().contains("'http'"));
    }

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }
}
