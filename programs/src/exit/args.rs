//! The command line of `proxy2`.

use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use cli::units::{self, parse_size, parse_time};
use cli::{ChosenLink, LevelFilter, LinkArgs, Verbosity, parse_count, parse_patience};
use tunnel::address::{Host, HostPort, ListenPorts, parse_port};
use tunnel::settings::{Allow, ClassicExit, ProxySettings, Rule, Rules, ServerSettings, StateSource};

/// Takes TCP connections that come from proxy1s over UDP, and connects each to the target
#[derive(Debug, Parser)]
#[command(name = "proxy2", version, after_help = after_help())]
struct Cli {
    /// Where proxy1s send their datagrams (UDP); a bare PORT is on 127.0.0.1, port 0 is any free one; several with commas: see
    /// --also-port
    #[arg(value_name = "[ADDR:]PORT[,PORT]")]
    listen: ListenPorts,

    /// The machine of the target: IPv4 or IPv6 address, or host name
    #[arg(value_name = "HOST")]
    host: Host,

    /// The TCP port of the target
    #[arg(value_name = "PORT", value_parser = parse_port)]
    port: u16,

    // First: its options have no heading of their own and would come under the one before.
    #[command(flatten)]
    verbosity: Verbosity,

    /// How long the target may take to accept a connection [default: 10s; with --classic 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_patience)]
    dial_timeout: Option<Duration>,

    #[command(flatten)]
    link: LinkArgs,

    /// Take datagrams at these UDP ports too, up to 15: a network that stops one may let another pass, 443, 53 or 123
    #[arg(
        long,
        value_name = "PORT[,PORT]",
        value_delimiter = ',',
        value_parser = parse_also_port,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    also_port: Vec<u16>,

    /// What the holders of tickets without rules of their own may do; may be given several times. `proxy2 ticket allow`
    /// gives a ticket its own, and its --help says what a rule is
    #[arg(
        long,
        value_name = "RULE",
        default_value = "dial:target",
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    allow: Vec<Rule>,

    /// How many links there may be at a time, 1 or more
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "1024",
        value_parser = parse_count,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    links: u32,

    /// Let a link go, and reset its targets, after so long a silence of its proxy1; 0s is never
    #[arg(
        long,
        value_name = "TIME",
        default_value = "24h",
        value_parser = parse_time,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    abandon: Duration,

    /// How many handshakes a second may cost public-key work, 1 or more [default: what takes a quarter of one core of this
    /// machine, 50 to 2000]
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = parse_count,
        conflicts_with = "classic",
        help_heading = "Sealed link"
    )]
    handshakes: Option<u32>,

    /// Bytes that are held for a stream whose target has not answered yet
    #[arg(long, value_name = "SIZE", default_value = "256KiB", value_parser = parse_size::<usize>, requires = "classic",
        help_heading = "Classic link")]
    early: usize,

    /// How many proxy1s may have streams at a time, ten streams each
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "64",
        value_parser = parse_count,
        requires = "classic",
        help_heading = "Classic link"
    )]
    peers: u32,
}

const INTRODUCTION: &str = "\
At its first start proxy2 makes its key and a ticket and prints what to run as proxy1. A ticket for each other machine:
  proxy2 ticket add NAME | list | show NAME | revoke NAME        (see `proxy2 ticket --help`)";

const EXAMPLE: &str = "\
Example: take streams on UDP port 5000 of every address and connect them to a web server on this machine
  proxy2 0.0.0.0:5000 localhost 80";

fn after_help() -> String {
    format!("{INTRODUCTION}\n\n{} {}\n\n{EXAMPLE}", units::HELP, units::HELP_RATE)
}

/// What to run, and how much to log.
///
/// # Errors
/// Bad usage, or a request for help or the version: to be printed, with its exit code.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(ProxySettings, LevelFilter), clap::Error> {
    let cli: Cli = cli::parse(arguments)?;
    let target = HostPort { host: cli.host.clone(), port: cli.port };
    let settings = match cli.link.link()? {
        ChosenLink::Classic(mut classic) => {
            if !cli.listen.also.is_empty() {
                return Err(wrong("with --classic there is one PORT to listen on"));
            }
            classic.table.early_limit = cli.early;
            classic.table.max_peers = count(cli.peers);
            classic.dial_limit = cli.dial_timeout.unwrap_or(classic.dial_limit);
            ClassicExit { listen: cli.listen.first, target, options: classic }.into()
        }
        ChosenLink::Sealed(link) => {
            let state = StateSource::Folder(cli.link.state());
            let rules = Rules::new(cli.allow.iter().cloned()).map_err(|error| wrong(&error.to_string()))?;
            let allow = Allow { target: Some(target), rules };
            let mut sealed = ServerSettings::new(cli.listen.first.clone(), state, allow);
            sealed.link = link;
            sealed.also_ports = also_ports(&cli)?;
            sealed.dial_limit = cli.dial_timeout.unwrap_or(sealed.dial_limit);
            sealed.abandon = cli.abandon;
            sealed.max_links = count(cli.links);
            sealed.handshakes_per_second = cli.handshakes;
            sealed.into()
        }
    };
    Ok((settings, cli.verbosity.level()))
}

fn parse_also_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("'{text}' is not a port: write a number from 1 to 65535"))
}

/// The ports beside the first.
fn also_ports(cli: &Cli) -> Result<Vec<u16>, clap::Error> {
    let also = [cli.listen.also.as_slice(), &cli.also_port].concat();
    if also.len() > ServerSettings::MAX_PORTS {
        return Err(wrong(&format!(
            "{} further ports are too many: at most {}",
            also.len(),
            ServerSettings::MAX_PORTS
        )));
    }
    let mut seen = vec![cli.listen.first.port];
    for port in &also {
        if *port != 0 && seen.contains(port) {
            return Err(wrong(&format!("port {port} is given twice: write it once")));
        }
        seen.push(*port);
    }
    Ok(also)
}

fn wrong(what: &str) -> clap::Error {
    Cli::command().error(ErrorKind::ValueValidation, what)
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use tunnel::address::Listen;

    use super::*;

    fn run(line: &str) -> Result<ProxySettings, String> {
        let words = std::iter::once("proxy2").chain(line.split_whitespace()).map(OsString::from);
        parse(words).map(|(settings, _)| settings).map_err(|error| error.to_string())
    }

    fn server(line: &str) -> ServerSettings {
        let settings = run(line).unwrap();
        let ProxySettings::Server(server) = settings else { panic!("{settings:?}") };
        server
    }

    #[test]
    fn three_words_and_the_mode_are_enough() {
        let settings = run("--classic 8080 localhost 5000").unwrap();
        let ProxySettings::ClassicExit(ClassicExit { listen, target, options: classic }) = settings else {
            panic!("{settings:?}")
        };
        assert_eq!(listen, Listen::loopback(8080));
        assert_eq!(target.to_string(), "localhost:5000");
        let default = tunnel::settings::Classic::default();
        assert_eq!(classic.table, default.table, "the help must show the real defaults");
        assert_eq!(format!("{classic:?}"), format!("{default:?}"), "the help must show the real defaults");
    }

    #[test]
    fn the_sealed_link_is_the_default() {
        let server = server("8080 localhost 5000");
        let target = HostPort { host: "localhost".parse().unwrap(), port: 5_000 };
        let state = StateSource::Folder(None);
        let default = ServerSettings::new(Listen::loopback(8_080), state, Allow::only(target));
        assert_eq!(format!("{server:?}"), format!("{default:?}"), "the help must show the real defaults");
    }

    #[test]
    fn ports_may_be_several() {
        let ports = |line: &str| server(line).also_ports;
        assert_eq!(ports("0.0.0.0:5000,443 --also-port 53,123 localhost 80"), [443, 53, 123]);
        assert_eq!(ports("5000 --also-port 53 --also-port 123 localhost 80"), [53, 123]);
        for (line, named) in [
            ("5000,443 --also-port 443 localhost 80", "443 is given twice"),
            ("5000,x localhost 80", "'x' is not a port"),
            ("5000 --also-port 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 localhost 80", "at most 15"),
            ("--classic 5000,443 localhost 80", "one PORT"),
            ("--classic 5000 --also-port 443 localhost 80", "--classic"),
        ] {
            let error = run(line).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn rules_for_all_tickets_take_the_place_of_the_target() {
        let rules =
            |line: &str| -> Vec<String> { server(line).allow.rules.iter().map(Rule::to_string).collect() };
        assert_eq!(rules("8080 localhost 80"), ["dial:target"]);
        assert_eq!(rules("--allow dial:*:443 --allow use:* 8080 localhost 80"), ["dial:*:443", "use:*"]);
        let error = run("--allow dial:db 8080 localhost 80").unwrap_err();
        assert!(error.contains("--allow") && error.contains("'db' has no ports"), "{error}");
        assert!(run("--classic --allow use:x 8080 localhost 80").unwrap_err().contains("--classic"));
    }

    #[test]
    fn handshakes_are_what_the_machine_can_do_unless_said_otherwise() {
        let handshakes = |line: &str| server(line).handshakes_per_second;
        assert_eq!(handshakes("8080 localhost 80"), None);
        assert_eq!(handshakes("--handshakes 7 8080 localhost 80"), Some(7));
    }

    #[test]
    fn options_of_the_other_link_are_refused() {
        for line in ["8080 localhost 5000 --peers 100", "--classic 8080 localhost 5000 --links 5"] {
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
        names("80800 localhost 80", "[ADDR:]PORT", "'80800' is not a port");
        names("8080 localhost 0", "<PORT>", "'0' is not a port that can be reached");
        names("8080 local/host 80", "<HOST>", "'local/host' is not a host");
        names("8080 localhost:80 80", "<HOST>", "two words");
        names("8080 localhost", "<PORT>", "required");
        names("--classic --peers 0 8080 localhost 80", "--peers", "from 1");
        names("--links 0 8080 localhost 80", "--links", "from 1");
        names("--handshakes 0 8080 localhost 80", "--handshakes", "from 1");
        names("--handshakes many 8080 localhost 80", "--handshakes", "from 1");
        names("--dial-timeout 0s 8080 localhost 80", "--dial-timeout", "1ms or more");
    }

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }
}
