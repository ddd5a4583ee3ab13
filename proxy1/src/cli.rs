//! The command line of `proxy1`.

use std::ffi::OsString;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use tracing::level_filters::LevelFilter;
use tunnel::address::{Host, HostPort, Listen, parse_port};
use tunnel::cli::{ClassicArgs, Verbosity};
use tunnel::options::{EntrySettings, Link};
use tunnel::units::parse_time;

/// Accepts TCP connections and carries them over UDP to a proxy2, which connects them to its target
#[derive(Debug, Parser)]
#[command(name = "proxy1", version, after_help = EXAMPLE)]
struct Cli {
    /// Where TCP clients connect; a bare PORT is on 127.0.0.1, port 0 is any free one
    #[arg(value_name = "[ADDR:]PORT")]
    listen: Listen,

    /// The machine of proxy2: IPv4 or IPv6 address, or host name
    #[arg(value_name = "HOST")]
    host: Host,

    /// The UDP port of proxy2
    #[arg(value_name = "PORT", value_parser = parse_port)]
    port: u16,

    // First: its options have no heading of their own and would come under the one before.
    #[command(flatten)]
    verbosity: Verbosity,

    #[command(flatten)]
    classic: ClassicArgs,

    /// Let the id of a closed stream rest for so long before it is used again
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_time, help_heading = "Classic link")]
    id_rest: Duration,
}

const EXAMPLE: &str = "\
TIME is a number and its unit: 300ms, 5s, 2m, 1h. SIZE is bytes, or has a unit: 64KiB, 8MiB.

Example: carry local port 8080 to the proxy2 that listens on port 5000 of exit.example
  proxy1 --classic 8080 exit.example 5000";

/// What to run, and how much to log.
///
/// # Errors
/// Bad usage, or a request for help or the version: to be printed, with its exit code.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(EntrySettings, LevelFilter), clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    let Link::Classic(mut classic) = cli.classic.link().map_err(|error| error.format(&mut Cli::command()))?;
    classic.table.id_rest = cli.id_rest;
    let peer = HostPort { host: cli.host, port: cli.port };
    Ok((EntrySettings { listen: cli.listen, peer, link: Link::Classic(classic) }, cli.verbosity.level()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<EntrySettings, String> {
        let words = std::iter::once("proxy1").chain(line.split_whitespace()).map(OsString::from);
        parse(words).map(|(settings, _)| settings).map_err(|error| error.to_string())
    }

    #[test]
    fn three_words_and_the_mode_are_enough() {
        let settings = run("--classic 8080 localhost 5000").unwrap();
        assert_eq!(settings.listen, Listen::loopback(8080));
        assert_eq!(settings.peer.to_string(), "localhost:5000");
        let Link::Classic(classic) = settings.link;
        let default = tunnel::options::Classic::default();
        assert_eq!(classic.table, default.table, "the help must show the real defaults");
        assert_eq!(format!("{classic:?}"), format!("{default:?}"), "the help must show the real defaults");
    }

    #[test]
    fn without_classic_one_sentence_says_so() {
        assert!(run("8080 localhost 5000").unwrap_err().contains("add --classic"));
    }

    #[test]
    fn a_mistake_is_named_with_its_argument() {
        let names = |line: &str, argument: &str, what: &str| {
            let error = run(line).unwrap_err();
            assert!(error.contains(argument) && error.contains(what), "{line}: {error}");
        };
        names("--classic 80800 localhost 5000", "[ADDR:]PORT", "'80800' is not a port");
        names("--classic 8080 localhost 0", "<PORT>", "port 0");
        names("--classic 8080 local/host 5000", "<HOST>", "'local/host' is not a host");
        names("--classic --idle 5 8080 localhost 5000", "--idle", "'5' is not a time");
        names("--classic --payload 65506 8080 localhost 5000", "--payload", "from 1 to 65505");
        names("--classic --rate fast 8080 localhost 5000", "--rate", "'fast' is not a rate");
        names("--classic 8080 localhost", "<PORT>", "required");
    }

    #[test]
    fn a_payload_may_have_a_unit_like_every_size() {
        let Link::Classic(classic) = run("--classic --payload 1KiB 8080 localhost 5000").unwrap().link;
        assert_eq!(classic.payload.bytes(), 1_024);
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
