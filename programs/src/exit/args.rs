//! The command line of `proxy2`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Parser;
use cli::config::{ConfigArgs, Environment, Kinds, MetricsArgs, Sources};
use cli::units::{self, parse_size, parse_time};
use cli::{ControlArgs, LinkArgs, Verbosity, parse_count, parse_patience};
use tunnel::address::{HostPort, ListenPorts};
use tunnel::settings::Rule;

use crate::forwards::Texts;

/// Takes TCP connections that come from proxy1s over UDP, and connects each to the target
#[derive(Clone, Debug, Parser)]
#[command(name = "proxy2", version = crate::VERSION, before_help = EXAMPLES, after_help = after_help(), help_template = crate::TEMPLATE)]
pub(super) struct Cli {
    /// Where proxy1s send their datagrams (UDP); a bare PORT is on 127.0.0.1, port 0 is any free one; several with commas: see
    /// --also-port
    #[arg(value_name = "[ADDR:]PORT[,PORT]")]
    pub(super) first: Option<ListenPorts>,

    /// The machine of the target: IPv4 or IPv6 address, or host name, or HOST:PORT as one word. Without a target proxy2 connects to
    /// what rules allow and to nothing else
    #[arg(value_name = "HOST")]
    pub(super) host: Option<String>,

    /// The TCP port of the target
    #[arg(value_name = "PORT")]
    pub(super) port: Option<String>,

    #[command(flatten)]
    pub(super) verbosity: Verbosity,

    /// The same as the first word
    #[arg(long, value_name = "[ADDR:]PORT[,PORT]")]
    pub(super) listen: Option<ListenPorts>,

    /// The same as HOST and PORT
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) target: Option<HostPort>,

    /// Carry TCP clients that come here to a name that somebody has published
    #[arg(short = 'L', long, value_name = "[ADDR:]PORT:@NAME", conflicts_with = "classic")]
    pub(super) local: Vec<String>,

    /// Offer HOST:PORT, as seen from here, under a name to all who may use it
    #[arg(long, value_name = "NAME=HOST:PORT", conflicts_with = "classic")]
    pub(super) publish: Vec<String>,

    /// How long the target may take to accept a connection [default: 10s; with --classic 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_patience)]
    pub(super) dial_timeout: Option<Duration>,

    #[command(flatten)]
    pub(super) link: LinkArgs,

    /// Take datagrams at these UDP ports too, up to 15: a network that stops one may let another pass, 443, 53 or 123
    #[arg(
        long,
        value_name = "PORT[,PORT]",
        value_delimiter = ',',
        value_parser = parse_also_port,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    pub(super) also_port: Vec<u16>,

    /// What the holders of tickets without rules of their own may do; may be given several times. `proxy2 ticket allow`
    /// gives a ticket its own, and its --help says what a rule is
    #[arg(
        long,
        value_name = "RULE",
        default_value = "dial:target",
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    pub(super) allow: Vec<Rule>,

    /// How many links there may be at a time, 1 or more
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "1024",
        value_parser = parse_count,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    pub(super) links: u32,

    /// Let a link go, and reset its targets, after so long a silence of its proxy1; 0s is never
    #[arg(
        long,
        value_name = "TIME",
        default_value = "24h",
        value_parser = parse_time,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    pub(super) abandon: Duration,

    /// How many handshakes a second may cost public-key work, 1 or more [default: what takes a quarter of one core of this
    /// machine, 50 to 2000]
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = parse_count,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    pub(super) handshakes: Option<u32>,

    /// Bytes that are held for a stream whose target has not answered yet
    #[arg(long, value_name = "SIZE", default_value = "256KiB", value_parser = parse_size::<usize>, requires = "classic",
        help_heading = "Classic link")]
    pub(super) early: usize,

    /// How many proxy1s may have streams at a time, ten streams each
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "64",
        value_parser = parse_count,
        requires = "classic",
        help_heading = "Classic link"
    )]
    pub(super) peers: u32,

    #[command(flatten)]
    pub(super) metrics: MetricsArgs,

    #[command(flatten)]
    pub(super) control: ControlArgs,

    /// Take over the sockets of the proxy2 that runs at this address, if one does: its streams go on in it until they end, all that
    /// is new comes here. `paso restart` does the same for the program as it is installed
    #[arg(long, conflicts_with = "classic", help_heading = "Control")]
    pub(super) take_over: bool,

    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

impl Cli {
    /// What is carried.
    pub(super) fn texts(&self) -> Texts<'_> {
        Texts { local: &self.local, publish: &self.publish, ..Texts::default() }
    }
}

const KINDS: Kinds = Kinds {
    additive: &["local", "publish"],
    alternatives: &[&["verbose", "quiet"], &["control", "no-control"]],
    secret: &[],
    of_program: &["verbose", "quiet", "metrics", "control", "no-control", "drain", "take-over"],
    links: false,
};

/// Where the options are read from. The first word is the program as its user calls it.
pub(super) fn sources(words: Vec<OsString>, environment: Environment) -> Sources {
    Sources::new::<Cli>(words, environment, &KINDS)
}

/// A command line that is right, for one that is not.
pub(super) const EXAMPLE: &str = "0.0.0.0:5000 localhost 80";

const EXAMPLES: &str = "\
Examples:
  proxy2 0.0.0.0:5000 localhost 80
      one service: what comes on UDP port 5000 goes to the web server here
  proxy2 0.0.0.0:5000 --allow 'dial:*:80,443'
      the web: proxy1s with -D may connect to public addresses
  proxy2 ticket add NAME
      a ticket for one more machine (see `proxy2 ticket --help`)";

const INTRODUCTION: &str = "\
At its first start proxy2 makes its key and a ticket and prints what to run as proxy1.";

fn after_help() -> String {
    format!(
        "{INTRODUCTION}\n\n{}\n\n{} {}\n\n{}",
        crate::PLACES,
        units::HELP,
        units::HELP_RATE,
        crate::EXIT_CODES
    )
}

fn parse_also_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("'{text}' is not a port: write a number from 1 to 65535"))
}

#[cfg(test)]
mod tests;
