//! `paso status`, `top`, `close`, `reload`, `drain` and `restart`, also as `proxy1 status` and so on: what a running proxy shows, and what it is told to
//! do.

mod foreign;
mod table;
mod text;
mod top;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, CommandFactory, Parser};
use cli::units::parse_time;
use tunnel::view::{ItemId, Role, SessionView};
use tunnel::visible::{visible, visible_json};

use self::table::Width;
use crate::control::client::{self, Socket};
use crate::control::protocol::{Command, Outcome};
use crate::control::{Told, Whose};

/// Which proxies are meant.
#[derive(Args, Clone, Debug)]
struct Which {
    /// The proxy that answers at this Unix socket, or those in this folder [default: all of this user; root is shown those of
    /// services and other users too]
    #[arg(long, env = "PASO_CONTROL", value_name = "SOCKET")]
    at: Option<PathBuf>,

    /// The proxy with this process id
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

/// Shows what running proxies carry
#[derive(Debug, Parser)]
#[command(name = "status", version = crate::VERSION, help_template = crate::TEMPLATE, after_help = STATUS_CODES)]
struct StatusArgs {
    /// Print a JSON array, an object for each proxy (docs/control.md)
    #[arg(long)]
    json: bool,

    /// Only the links, not their streams
    #[arg(long)]
    links: bool,

    #[command(flatten)]
    which: Which,
}

/// Shows what running proxies carry, as it changes
#[derive(Debug, Parser)]
#[command(name = "top", version = crate::VERSION, help_template = crate::TEMPLATE, after_help = TOP_CODES)]
struct TopArgs {
    #[command(flatten)]
    which: Which,
}

/// Resets a stream, or all streams of a link
#[derive(Debug, Parser)]
#[command(name = "close", version = crate::VERSION, help_template = crate::TEMPLATE, after_help = crate::EXIT_CODES)]
struct CloseArgs {
    /// As `status` shows it: L3/5 is a stream, L3 a link
    id: ItemId,

    #[command(flatten)]
    which: Which,
}

/// Has tickets, names and the configuration file read again, as SIGHUP does
#[derive(Debug, Parser)]
#[command(name = "reload", version = crate::VERSION, help_template = crate::TEMPLATE, after_help = crate::EXIT_CODES)]
struct ReloadArgs {
    #[command(flatten)]
    which: Which,
}

/// Has a proxy accept nothing new, and end when its last stream has ended
#[derive(Debug, Parser)]
#[command(name = "drain", version = crate::VERSION, help_template = crate::TEMPLATE, after_help = crate::EXIT_CODES)]
struct DrainArgs {
    /// Or after so long, whatever is open then: seconds, or a time like 5m
    #[arg(value_name = "TIME", value_parser = parse_seconds)]
    limit: Option<Duration>,

    #[command(flatten)]
    which: Which,
}

/// Starts a proxy2 again as it is installed now: the new process takes over, and streams go on in the old one until they end
#[derive(Debug, Parser)]
#[command(name = "restart", version = crate::VERSION, help_template = crate::TEMPLATE, after_help = crate::EXIT_CODES)]
struct RestartArgs {
    #[command(flatten)]
    which: Which,
}

const STATUS_CODES: &str =
    "Exit codes: 0 shown; 1 no proxy answers, or one that was asked for does not; 2 bad usage.";

const TOP_CODES: &str = "\
Keys: q ends, Tab goes to the other table, arrows select, s sorts by the next column, r reverses, / filters, p pauses, ? helps.

Exit codes: 0 ended by a key or a signal; 1 no terminal, or no proxy answers at the beginning; 2 bad usage.";

fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => parse_time(text).map_err(|error| error.to_string()),
    }
}

/// The subcommand that the words begin with, if it is one of these: `proxy1 status` is no port.
///
/// # Errors
/// It is not: the words.
pub(crate) fn of_words(program: &str, role: Role, words: Vec<OsString>) -> Result<ExitCode, Vec<OsString>> {
    let Some((first, rest)) = words.split_first() else { return Err(words) };
    let Some(action) = first.to_str().and_then(Action::named) else { return Err(words) };
    Ok(main(action, &format!("{program} {}", action.name()), Some(role), rest.to_vec()))
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// It is shown.
    Status,
    /// It is shown as it changes.
    Top,
    /// A link or a stream is closed.
    Close,
    /// Files are read again.
    Reload,
    /// It ends in time.
    Drain,
    /// Another process takes its place.
    Restart,
}

/// Its options.
pub(crate) fn command(action: Action) -> clap::Command {
    match action {
        Action::Status => StatusArgs::command(),
        Action::Top => TopArgs::command(),
        Action::Close => CloseArgs::command(),
        Action::Reload => ReloadArgs::command(),
        Action::Drain => DrainArgs::command(),
        Action::Restart => RestartArgs::command(),
    }
}

impl Action {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Status, Self::Top, Self::Close, Self::Reload, Self::Drain, Self::Restart];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// The subcommand.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Top => "top",
            Self::Close => "close",
            Self::Reload => "reload",
            Self::Drain => "drain",
            Self::Restart => "restart",
        }
    }
}

/// The program: 0 when it was done, 1 when it could not be, 2 for bad usage. With a role only proxies of that role are meant.
pub(crate) fn main(action: Action, name: &str, role: Option<Role>, words: Vec<OsString>) -> ExitCode {
    let words = std::iter::once(name.into()).chain(words);
    let done = match action {
        Action::Status => cli::parse::<StatusArgs>(words).map(|args| status(&args, role)),
        Action::Top => {
            cli::parse::<TopArgs>(words).map(|args| top::run(&args.which, role).map(|()| String::new()))
        }
        Action::Close => cli::parse::<CloseArgs>(words)
            .map(|args| act(&args.which, role, Command::Close { id: args.id.to_string() })),
        Action::Reload => cli::parse::<ReloadArgs>(words).map(|args| act(&args.which, role, Command::Reload)),
        Action::Drain => cli::parse::<DrainArgs>(words).map(|args| {
            let seconds = args.limit.map(|limit| limit.as_secs());
            act(&args.which, role, Command::Drain { seconds })
        }),
        Action::Restart => {
            cli::parse::<RestartArgs>(words).map(|args| act(&args.which, role, Command::Restart))
        }
    };
    match done {
        Ok(Ok(text)) => cli::program::print(&text),
        // It may have words of a proxy, or the name that somebody gave to a socket.
        Ok(Err(error)) => cli::program::fail(&visible(&format!("{error:#}"))),
        Err(error) => cli::explain(&error),
    }
}

/// A proxy that answers.
#[derive(Debug)]
struct Found {
    socket: Socket,
    view: SessionView,
}

fn status(args: &StatusArgs, role: Option<Role>) -> anyhow::Result<String> {
    let found = find(&args.which, role, !args.links, Whose::All)?;
    if args.json {
        let views: Vec<_> = found.into_iter().map(|found| found.view).collect();
        let text = serde_json::to_string(&views).context("cannot be written as JSON")?;
        return Ok(format!("{}\n", visible_json(&text)));
    }
    let text = |mut found: Found| {
        foreign::clean(&mut found.view);
        table::render(&found.view, Width::USUAL)
    };
    Ok(found.into_iter().map(text).collect::<Vec<_>>().join("\n"))
}

/// Tells the one proxy that is meant.
fn act(which: &Which, role: Option<Role>, command: Command) -> anyhow::Result<String> {
    let found = find(which, role, false, Whose::Own)?;
    let [one] = &found[..] else {
        let names: Vec<_> =
            found.iter().map(|one| format!("{} {}", one.view.role.name(), one.view.pid)).collect();
        bail!("several proxies run, say with --pid which one is meant: {}", names.join(", "));
    };
    let told = client::ask(std::slice::from_ref(&one.socket), command)?;
    let (outcome, _) = told.into_iter().next().context("not understood")??;
    match outcome {
        Outcome::Done(text) => Ok(format!("{} {}: {}\n", one.view.role.name(), one.view.pid, visible(&text))),
        Outcome::Status(_) | Outcome::Version(_) | Outcome::Error(_) | Outcome::Offer(_) => {
            bail!("not understood")
        }
    }
}

/// The proxies that are meant, one or more.
fn find(which: &Which, role: Option<Role>, streams: bool, whose: Whose) -> anyhow::Result<Vec<Found>> {
    let sockets = client::sockets(which.at.as_deref(), whose);
    let told = client::ask(&sockets, Command::Status { streams })?;
    let mut found = Vec::new();
    let mut failed = None;
    for (socket, told) in sockets.into_iter().zip(told) {
        match told.and_then(view) {
            Ok(view) => found.push(Found { socket, view }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let is_meant = |found: &Found| {
        role.is_none_or(|role| found.view.role == role) && which.pid.is_none_or(|pid| found.view.pid == pid)
    };
    found.retain(is_meant);
    match failed {
        Some(error) if found.is_empty() => Err(error),
        _ if found.is_empty() => bail!("no such proxy answers: is one running, of this user? See --control"),
        _ => Ok(found),
    }
}

/// What a proxy shows. Which process it is, the system knows better.
fn view((outcome, pid): Told) -> anyhow::Result<SessionView> {
    match outcome {
        Outcome::Status(view) => Ok(SessionView { pid: pid.unwrap_or(view.pid), ..*view }),
        Outcome::Done(_) | Outcome::Version(_) | Outcome::Error(_) | Outcome::Offer(_) => {
            bail!("not understood")
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_commands_are_sound() {
        StatusArgs::command().debug_assert();
        TopArgs::command().debug_assert();
        CloseArgs::command().debug_assert();
        ReloadArgs::command().debug_assert();
        DrainArgs::command().debug_assert();
        RestartArgs::command().debug_assert();
    }

    #[test]
    fn a_time_may_be_bare_seconds() {
        assert_eq!(parse_seconds("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_seconds("5m"), Ok(Duration::from_secs(300)));
        assert!(parse_seconds("soon").is_err());
    }

    #[test]
    fn other_words_are_left_alone() {
        let words = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        for line in ["8080 localhost 5000", "", "-D 1080 status"] {
            assert_eq!(of_words("proxy1", Role::Proxy1, words(line)).err(), Some(words(line)));
        }
    }
}
