//! The command line of `proxy1`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Parser;
use cli::config::{ConfigArgs, Environment, Kinds, MetricsArgs, Sources};
use cli::units::{self, parse_time};
use cli::{ControlArgs, LinkArgs, Verbosity};
use tunnel::address::{HostPorts, Listen};

use crate::forwards::Texts;
use crate::ticket::TicketArgs;

/// Accepts TCP connections and carries them over UDP to a proxy2, which connects them to its target
#[derive(Clone, Debug, Parser)]
#[command(name = "proxy1", version = crate::VERSION, before_help = EXAMPLES, after_help = after_help(), help_template = crate::TEMPLATE)]
pub(crate) struct Cli {
    /// Where TCP clients connect; a bare PORT is on 127.0.0.1, port 0 is any free one. It is left out where one of -L -R -D -W
    /// --publish says what to carry
    #[arg(value_name = "[ADDR:]PORT")]
    pub(super) first: Option<String>,

    /// The machine of proxy2: IPv4 or IPv6 address, or host name, or HOST:PORT as one word; not needed with a ticket that says
    /// it
    #[arg(value_name = "HOST")]
    pub(super) host: Option<String>,

    /// The UDP port of proxy2, or up to 8 with commas: each is tried until proxy2 answers at one
    #[arg(value_name = "PORT[,PORT]")]
    pub(super) port: Option<String>,

    // First: its options have no heading of their own and would come under the one before.
    #[command(flatten)]
    pub(super) verbosity: Verbosity,

    /// The same as the first word
    #[arg(long, value_name = "[ADDR:]PORT")]
    pub(super) listen: Option<Listen>,

    /// The same as HOST and PORT; up to 8 times, for a proxy2 that may be at several places
    #[arg(long, value_name = "HOST:PORT[,PORT]")]
    pub(super) at: Vec<HostPorts>,

    #[command(flatten)]
    pub(super) forwards: ForwardArgs,

    #[command(flatten)]
    pub(super) ticket: TicketArgs,

    /// While proxy2 does not answer let a client wait for so long and then reset it; 'refuse' resets it at once, 'wait' is 10s
    #[arg(long, value_name = "TIME", default_value = "wait", value_parser = parse_when_down, conflicts_with = "classic",
        help_heading = "Sealed link")]
    pub(super) when_down: WhenDown,

    #[command(flatten)]
    pub(super) link: LinkArgs,

    /// Let the id of a closed stream rest for so long before it is used again
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time, requires = "classic",
        help_heading = "Classic link")]
    pub(super) id_rest: Duration,

    #[command(flatten)]
    pub(super) metrics: MetricsArgs,

    #[command(flatten)]
    pub(super) control: ControlArgs,

    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// What is carried, in OpenSSH's spellings.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Forwards, any number of them")]
pub(crate) struct ForwardArgs {
    /// Carry TCP clients that come here to HOST:PORT as proxy2 sees it, or to a /SOCKET of its machine or a published @NAME in its
    /// place. A PORT may be a range, 8000-8010; /udp at the end carries datagrams
    #[arg(short = 'L', long, value_name = "[ADDR:]PORT:HOST:PORT", conflicts_with = "classic")]
    pub(super) local: Vec<String>,

    /// Carry clients that come to proxy2's machine to HOST:PORT as seen from here; without HOST:PORT to where they ask, as -D
    /// does. /udp as for -L
    #[arg(short = 'R', long, value_name = "[ADDR:]PORT:HOST:PORT", conflicts_with = "classic")]
    pub(super) remote: Vec<String>,

    /// Be a proxy for SOCKS5, SOCKS5h and HTTP at this port: proxy2 connects to what clients ask for
    #[arg(short = 'D', long, value_name = "[ADDR:]PORT", conflicts_with = "classic")]
    pub(super) dynamic: Vec<String>,

    /// Carry standard input and output, once
    #[arg(short = 'W', long, value_name = "HOST:PORT", conflicts_with = "classic")]
    pub(super) stdio: Option<String>,

    /// Offer HOST:PORT, as seen from here, under a name to all who may use it: with -L PORT:@NAME, `paso nc @NAME`
    #[arg(long, value_name = "NAME=HOST:PORT", conflicts_with = "classic")]
    pub(super) publish: Vec<String>,

    /// Accepted and ignored, as is -T: there is no remote command and no terminal here
    #[arg(short = 'N')]
    no_command: bool,

    /// As -N
    #[arg(short = 'T', hide = true)]
    no_terminal: bool,
}

impl ForwardArgs {
    /// The texts.
    pub(super) fn texts(&self) -> Texts<'_> {
        Texts {
            local: &self.local,
            dynamic: &self.dynamic,
            stdio: self.stdio.as_deref(),
            remote: &self.remote,
            publish: &self.publish,
        }
    }
}

/// How long a client may wait while proxy2 does not answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WhenDown(pub(super) Duration);

fn parse_when_down(text: &str) -> Result<WhenDown, String> {
    match text {
        "refuse" => Ok(WhenDown(Duration::ZERO)),
        "wait" => Ok(WhenDown(Duration::from_secs(10))),
        other => parse_time(other)
            .ok()
            .filter(|time| *time >= Duration::from_secs(1))
            .map(WhenDown)
            .ok_or_else(|| format!("'{other}' is not 'wait', 'refuse' or a time of 1s or more")),
    }
}

const KINDS: Kinds = Kinds {
    additive: &["local", "remote", "dynamic", "publish"],
    alternatives: &[&["ticket", "ticket-file"], &["verbose", "quiet"], &["control", "no-control"]],
    secret: &["ticket"],
    of_program: &["verbose", "quiet", "log-format", "metrics", "control", "no-control", "drain"],
    links: true,
};

/// Where the options are read from. The first word is the program as its user calls it.
pub(crate) fn sources(words: Vec<OsString>, environment: Environment) -> Sources {
    Sources::new::<Cli>(words, environment, &KINDS)
}

/// A command line that is right, for one that is not.
pub(super) const EXAMPLE: &str = "8080 exit.example 5000 --ticket-file exit.ticket";

const EXAMPLES: &str = "\
Examples:
  proxy1 8080 exit.example 5000 --ticket-file exit.ticket
      one service: port 8080 here is the target of the proxy2 at exit.example
  proxy1 -D 1080 exit.example 5000 --ticket-file exit.ticket
      everything: a proxy for browsers, to wherever proxy2 may go
  proxy1 -R 8000:localhost:3000 exit.example 5000 --ticket-file exit.ticket
      a service behind a NAT: port 8000 of proxy2's machine is port 3000 here
  ssh -o ProxyCommand='paso nc %h:%p' inner.example
      ssh, to where proxy2 may go
  proxy1 check exit.example 5000 --ticket-file exit.ticket
      why does it not connect, why is it slow?";

const INTRODUCTION: &str = "\
The ticket is looked for in this order: --ticket, --ticket-file, the variable PASO_TICKET, the state folder (--state), \
where a proxy2 of the same user on the same machine leaves one. docs/secrets.md says which files are taken, those of \
containers and services among them.";

fn after_help() -> String {
    format!(
        "{INTRODUCTION}\n\n{} In the file a table [[link]] for each link, with a `name`, makes several in one process.\n\n{} {}\n\n{}",
        crate::PLACES,
        units::HELP,
        units::HELP_RATE,
        crate::EXIT_CODES
    )
}

#[cfg(test)]
mod tests;
