//! The command line of `proxy1`.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use cli::units::{self, parse_time};
use cli::{ChosenLink, LevelFilter, LinkArgs, Verbosity};
use tunnel::address::{Host, HostPort, HostPorts, Listen, Ports};
use tunnel::settings::{ClassicEntry, ClientSettings, Forward, ProxySettings, TicketError, TicketSource};
use tunnel::state::ticket_from_stdin;

/// Accepts TCP connections and carries them over UDP to a proxy2, which connects them to its target
#[derive(Debug, Parser)]
#[command(name = "proxy1", version, after_help = after_help())]
struct Cli {
    /// Where TCP clients connect; a bare PORT is on 127.0.0.1, port 0 is any free one
    #[arg(value_name = "[ADDR:]PORT")]
    listen: Listen,

    /// The machine of proxy2: IPv4 or IPv6 address, or host name; not needed with a ticket that says it
    #[arg(value_name = "HOST", requires = "port")]
    host: Option<Host>,

    /// The UDP port of proxy2, or up to 8 with commas: each is tried until proxy2 answers at one
    #[arg(value_name = "PORT[,PORT]")]
    port: Option<Ports>,

    // First: its options have no heading of their own and would come under the one before.
    #[command(flatten)]
    verbosity: Verbosity,

    /// The ticket that proxy2 printed, one line; seen by all users of this machine: prefer one of the next two
    // Not parsed here: the parser repeats what it cannot parse, and this is a secret.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["classic", "ticket_file"], help_heading = "Sealed link")]
    ticket: Option<String>,

    /// A file that holds the ticket and that nobody else can read or replace; - reads a line from standard input
    #[arg(long, value_name = "FILE", conflicts_with = "classic", help_heading = "Sealed link")]
    ticket_file: Option<PathBuf>,

    /// While proxy2 does not answer let a client wait for so long and then reset it; 'refuse' resets it at once, 'wait' is 10s
    #[arg(long, value_name = "TIME", default_value = "wait", value_parser = parse_when_down, conflicts_with = "classic",
        help_heading = "Sealed link")]
    when_down: WhenDown,

    #[command(flatten)]
    link: LinkArgs,

    /// Let the id of a closed stream rest for so long before it is used again
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time, requires = "classic",
        help_heading = "Classic link")]
    id_rest: Duration,
}

/// How long a client may wait while proxy2 does not answer.
#[derive(Clone, Copy, Debug)]
struct WhenDown(Duration);

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

/// The variable that can hold the ticket.
const VARIABLE: &str = "PASO_TICKET";

const INTRODUCTION: &str = "\
The ticket is looked for in this order: --ticket, --ticket-file, the variable PASO_TICKET, the state folder (--state), \
where a proxy2 of the same user on the same machine leaves one. docs/secrets.md says which files are taken, those of \
containers and services among them.";

const EXAMPLE: &str = "\
Example: carry local port 8080 to the proxy2 that listens on port 5000 of exit.example
  proxy1 8080 exit.example 5000 --ticket-file exit.ticket";

fn after_help() -> String {
    format!("{INTRODUCTION}\n\n{} {}\n\n{EXAMPLE}", units::HELP, units::HELP_RATE)
}

/// What to run, and how much to log. `variable` is what the environment has as the ticket. Waits for the standard input if the
/// ticket comes from there: before the program listens to signals, so that Ctrl-C ends it.
///
/// # Errors
/// Bad usage, or a request for help or the version: to be printed, with its exit code.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    variable: Option<OsString>,
) -> Result<(ProxySettings, LevelFilter), clap::Error> {
    let cli: Cli = cli::parse(arguments)?;
    let place = cli.host.clone().zip(cli.port.clone()).map(|(host, ports)| HostPorts { host, ports });
    let settings = match cli.link.link()? {
        ChosenLink::Classic(mut options) => {
            options.table.id_rest = cli.id_rest;
            ClassicEntry { listen: cli.listen, peer: one_port(place)?, options }.into()
        }
        ChosenLink::Sealed(link) => {
            let settings = ClientSettings::new(cli.source(variable)?, place.into_iter().collect());
            let settings = settings.forward(Forward::plain(cli.listen));
            ClientSettings { link, patience: cli.when_down.0, ..settings }.into()
        }
    };
    Ok((settings, cli.verbosity.level()))
}

/// The classic link's peer: it has no handshake that could find a port.
fn one_port(place: Option<HostPorts>) -> Result<HostPort, clap::Error> {
    let missing = || {
        Cli::command().error(ErrorKind::MissingRequiredArgument, "with --classic, HOST and PORT are required")
    };
    let HostPorts { host, ports } = place.ok_or_else(missing)?;
    match ports.as_slice() {
        [port] => Ok(HostPort { host, port: *port }),
        _ => Err(wrong(&"with --classic there is one PORT")),
    }
}

/// What the environment has as the ticket.
pub(crate) fn variable() -> Option<OsString> {
    std::env::var_os(VARIABLE).filter(|text| !text.to_string_lossy().trim().is_empty())
}

impl Cli {
    fn source(&self, variable: Option<OsString>) -> Result<TicketSource, clap::Error> {
        if let Some(text) = &self.ticket {
            return given("--ticket", text);
        }
        match &self.ticket_file {
            Some(path) if path.as_os_str() == "-" => {
                return ticket_from_stdin().map(TicketSource::Given).map_err(|error| wrong(&error));
            }
            Some(path) => return Ok(TicketSource::File(path.clone())),
            None => {}
        }
        let Some(text) = variable else { return Ok(TicketSource::State(self.link.state())) };
        // A variable that is no text must not be passed over: another ticket would be used.
        let text = text.to_str().ok_or_else(|| wrong(&format_args!("{PLACE} is not UTF-8 text")))?;
        given(PLACE, text)
    }
}

const PLACE: &str = "the variable PASO_TICKET";

fn given(place: &str, text: &str) -> Result<TicketSource, clap::Error> {
    text.parse()
        .map(TicketSource::Given)
        .map_err(|error: TicketError| wrong(&format_args!("{place}: {error}")))
}

fn wrong(error: &dyn Display) -> clap::Error {
    Cli::command().error(ErrorKind::ValueValidation, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<ProxySettings, String> {
        let words = std::iter::once("proxy1").chain(line.split_whitespace()).map(OsString::from);
        parse(words, None).map(|(settings, _)| settings).map_err(|error| error.to_string())
    }

    #[test]
    fn three_words_and_the_mode_are_enough() {
        let settings = run("--classic 8080 localhost 5000").unwrap();
        let ProxySettings::ClassicEntry(ClassicEntry { listen, peer, options: classic }) = settings else {
            panic!("{settings:?}")
        };
        assert_eq!(listen, Listen::loopback(8080));
        assert_eq!(peer.to_string(), "localhost:5000");
        let default = tunnel::settings::Classic::default();
        assert_eq!(classic.table, default.table, "the help must show the real defaults");
        assert_eq!(format!("{classic:?}"), format!("{default:?}"), "the help must show the real defaults");
    }

    #[test]
    fn the_sealed_link_is_the_default() {
        let settings = run("8080 localhost 5000").unwrap();
        let ProxySettings::Client(client) = settings else { panic!("{settings:?}") };
        assert_eq!(client.places.len(), 1);
        let default = ClientSettings::new(TicketSource::State(None), client.places.clone());
        let default = default.forward(Forward::plain(Listen::loopback(8080)));
        assert_eq!(format!("{client:?}"), format!("{default:?}"), "the help must show the real defaults");
    }

    #[test]
    fn ports_may_be_several_and_the_place_the_tickets() {
        let places = |line: &str| {
            let settings = run(line).unwrap();
            let ProxySettings::Client(client) = settings else { panic!("{settings:?}") };
            client.places.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(places("8080 localhost 5000,443,53"), ["localhost:5000,443,53"]);
        assert!(places("8080").is_empty());
        for (line, named) in [
            ("8080 localhost", "PORT"),
            ("8080 localhost 443,443", "443 is given twice"),
            ("--classic 8080", "HOST and PORT"),
            ("--classic 8080 localhost 5000,443", "one PORT"),
        ] {
            let error = run(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn a_ticket_that_is_none_is_named_and_not_shown() {
        let error = run("8080 localhost 5000 --ticket paso1secret").unwrap_err();
        assert!(error.contains("--ticket: the ticket") && !error.contains("secret"), "{error}");
        let words = ["proxy1", "8080", "localhost", "5000"].map(OsString::from);
        let error = parse(words, Some("paso1secret".into())).unwrap_err().to_string();
        assert!(error.contains(VARIABLE) && !error.contains("secret"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_named_and_not_passed_over() {
        use std::os::unix::ffi::OsStringExt;
        let words = ["proxy1", "8080", "localhost", "5000"].map(OsString::from);
        let error = parse(words, Some(OsString::from_vec(vec![0xff, 0xfe, b'p']))).unwrap_err().to_string();
        assert!(error.contains(VARIABLE) && error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn options_of_the_other_link_are_refused() {
        for line in ["8080 localhost 5000 --payload 100", "--classic 8080 localhost 5000 --streams 5"] {
            let error = run(line).unwrap_err();
            assert!(error.contains("--classic"), "{line}: {error}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_argument() {
        let names = |line: &str, argument: &str, what: &str| {
            let error = run(line).unwrap_err();
            assert!(error.contains(argument) && error.contains(what), "{line}: {error}");
        };
        names("80800 localhost 5000", "[ADDR:]PORT", "'80800' is not a port");
        names("--when-down never 8080 localhost 5000", "--when-down", "'never' is not 'wait', 'refuse'");
        names("--classic --id-rest 5 8080 localhost 5000", "--id-rest", "'5' is not a time");
    }

    #[test]
    fn how_much_is_logged_is_no_option_of_the_link() {
        let help = Cli::command().render_help().to_string();
        let (general, link) = help.split_once("Classic link:").unwrap();
        assert!(general.contains("--quiet") && !link.contains("--quiet"), "{help}");
    }

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }
}
