//! What `paso nc`, `paso find` and `paso check` have in common: they join a proxy2, ask for something, and end.

pub(crate) mod doctor;
pub(crate) mod find;
pub(crate) mod nc;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser};
use cli::config::{Environment, Kinds, LinkOptions, Sources, Values};
use cli::{Verbosity, path_parser};
use paso::{Link, LinkOptions as JoinOptions};
use tunnel::address::HostPorts;
use tunnel::settings::{CarryTo, Destination, TicketSource, spelling};

use crate::entry;
use crate::ticket::{self, TicketArgs};
use crate::usage::wrong;

/// How a proxy2 is joined.
#[derive(Args, Clone, Debug)]
struct JoinArgs {
    /// Where proxy2 is; up to 8 times; not needed with a ticket that says it
    #[arg(long, value_name = "HOST:PORT[,PORT]")]
    at: Vec<HostPorts>,

    #[command(flatten)]
    ticket: TicketArgs,

    /// Folder of the keys and tickets [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]
    #[arg(long, value_name = "DIR", value_parser = path_parser())]
    state: Option<PathBuf>,

    /// Take this from the configuration file of `paso in`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Which link of that file, where it has several
    #[arg(long, value_name = "NAME")]
    link: Option<String>,

    #[command(flatten)]
    verbosity: Verbosity,
}

const KINDS: Kinds = Kinds {
    additive: &[],
    alternatives: &[&["ticket", "ticket-file"], &["verbose", "quiet"]],
    secret: &["ticket"],
    of_program: &["verbose", "quiet", "log-format"],
    links: true,
};

/// How to join, from all places.
#[derive(Debug)]
struct Joining {
    ticket: TicketSource,
    at: Vec<HostPorts>,
}

/// Parses a command line; the configuration file is one of `paso in`, whose other keys mean nothing here.
///
/// # Errors
/// Bad usage, a request for help, or a file that cannot be read: to be printed, with its exit code.
fn parse<T: Parser>(
    words: Vec<OsString>,
    environment: Environment,
    join: impl Fn(&T) -> &JoinArgs,
) -> Result<(T, Joining), clap::Error> {
    let sources = Sources::new::<T>(words, environment, &KINDS).with_file_of::<entry::Cli>("paso in");
    let links = sources.read()?.links;
    let parsed: Vec<_> = links.iter().map(LinkOptions::parse::<T>).collect::<Result<_, _>>()?;
    let asked = parsed.first().and_then(|(cli, _)| join(cli).link.clone());
    let (cli, values) = one_of(parsed, asked.as_deref())?;
    let args = join(&cli);
    let ticket = ticket::source(&args.ticket, args.state.as_deref(), &values, &ticket::Stdin::default())?;
    let at = args.at.clone();
    Ok((cli, Joining { ticket, at }))
}

fn one_of<T>(mut all: Vec<(T, Values)>, asked: Option<&str>) -> Result<(T, Values), clap::Error> {
    let names: Vec<_> = all.iter().filter_map(|(_, values)| values.name.clone()).collect();
    let at = match asked {
        None if all.len() == 1 => Some(0),
        None => {
            return Err(wrong(&format_args!(
                "the file has several links: write --link {}",
                names.join(" or --link ")
            )));
        }
        Some(name) => names.iter().position(|other| other == name),
    };
    let at = at.ok_or_else(|| {
        wrong(&format_args!(
            "the file has no link '{}': it has {}",
            asked.unwrap_or_default(),
            names.join(", ")
        ))
    })?;
    Ok(all.swap_remove(at))
}

/// Where a stream is to go, as -W of `paso in` writes it.
///
/// # Errors
/// It cannot be read; `otherwise` is said where SOCKS clients would have to say it.
fn destination(text: &str, otherwise: &'static str) -> Result<Destination, clap::Error> {
    match spelling::stdio(text).map_err(|error| wrong(&error))?.to {
        CarryTo::Destination(destination) => Ok(destination),
        CarryTo::AskedFor => Err(wrong(&otherwise)),
    }
}

impl Joining {
    /// Joins.
    ///
    /// # Errors
    /// There is no ticket, or proxy2 does not answer.
    async fn join(self) -> anyhow::Result<Link> {
        let mut options = JoinOptions::new(self.ticket.find()?.to_text().parse()?);
        for place in &self.at {
            options = options.at(&place.to_string())?;
        }
        options.join().await.context("proxy2")
    }
}
