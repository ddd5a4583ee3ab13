//! `proxy1 check`, or `paso check`: why does it not connect, why is it slow? (`--check`, which looks at the configuration alone, is
//! another thing: `entry/check.rs`.)
//!
//! - `examine`: the steps, one after the other
//! - `target`: whether proxy2 reaches what it should
//! - `verdict`: what all of that means, and the exit code
//! - `sentences`: what is said of each step
//! - `document`: the same as JSON
//! - `screen`: what the user sees meanwhile

mod document;
mod examine;
mod screen;
mod sentences;
mod target;
mod verdict;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Context;
use clap::{CommandFactory, Parser};
use cli::config::Environment;
use cli::program::Signals;
use cli::{LevelFilter, Logging};
use tunnel::address::{Host, HostPorts};
use tunnel::settings::Destination;

use self::examine::Examination;
use self::screen::Screen;
use super::{JoinArgs, Joining};
use crate::usage::wrong;

/// Says why a proxy1 does not reach its proxy2, or why the link is slow: asks each place of proxy2, then measures the path for some seconds
#[derive(Clone, Debug, Parser)]
#[command(name = "check", version = crate::VERSION, before_help = EXAMPLES, after_help = after_help(), help_template = crate::TEMPLATE)]
struct Cli {
    /// The machine of proxy2, or HOST:PORT as one word; not needed with a ticket that says it
    #[arg(value_name = "HOST")]
    host: Option<String>,

    /// Its UDP port, or up to 8 with commas
    #[arg(value_name = "PORT[,PORT]")]
    port: Option<String>,

    /// Whether proxy2 reaches this, instead of its own target: HOST:PORT, @NAME or /SOCKET, as for `proxy1 -W`
    #[arg(short = 'W', long, value_name = "HOST:PORT")]
    target: Option<String>,

    /// Send nothing but thin probes: without it 1.2 MB go each way within 2 s
    #[arg(long)]
    no_load: bool,

    /// Find out how soon a NAT on the way forgets an idle link: takes 82 s more
    #[arg(long)]
    nat: bool,

    /// Print one JSON document at the end and nothing else
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    join: JoinArgs,
}

const EXAMPLES: &str = "\
Examples:
  proxy1 check exit.example 5000 --ticket-file exit.ticket
  proxy1 check -W db:5432
      does proxy2 reach db:5432, and may this ticket go there?
  proxy1 check --json --no-load";

fn after_help() -> String {
    format!("{}\n\n{}\n\ndocs/check.md says what each answer means.", crate::PLACES, verdict::EXIT_CODES)
}

/// What is to be found out.
#[derive(Clone, Debug)]
struct Task {
    target: Option<Destination>,
    load: bool,
    nat: bool,
    json: bool,
}

/// The program; its exit codes are in [`verdict`].
pub(crate) fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(name.into()).chain(words).collect();
    let parsed = super::parse::<Cli>(words, Environment::of_process(), |cli| &cli.join);
    let parsed = parsed.and_then(|(cli, joining)| {
        let at = place(cli.host.as_deref(), cli.port.as_deref())?;
        let joining = Joining { at: at.into_iter().chain(joining.at).collect(), ..joining };
        Ok((task(&cli)?, joining, cli))
    });
    match parsed {
        Ok((task, joining, cli)) => run(task, joining, logging(&cli)),
        Err(error) => cli::explain(&error),
    }
}

/// Its options.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// The answers are on the screen; the log is for those who ask for it.
fn logging(cli: &Cli) -> Logging {
    let logging = cli.join.verbosity.logging_of_tool();
    match logging.level {
        LevelFilter::WARN => Logging { level: LevelFilter::ERROR, ..logging },
        _ => logging,
    }
}

fn run(task: Task, joining: Joining, logging: Logging) -> ExitCode {
    /// No verdict has this code.
    const NONE: u8 = u8::MAX;
    let code = Arc::new(AtomicU8::new(NONE));
    let told = Arc::clone(&code);
    let ended = cli::program::run(logging, |signals| async move {
        told.store(serve(task, joining, signals).await?, Ordering::Relaxed);
        anyhow::Ok(())
    });
    match code.load(Ordering::Relaxed) {
        NONE => ended,
        code => ExitCode::from(code),
    }
}

/// The exit code.
async fn serve(task: Task, joining: Joining, mut signals: Signals) -> anyhow::Result<u8> {
    /// Nothing is known then.
    const BROKEN_OFF: u8 = 1;
    let json = task.json;
    let examined = async {
        let mut screen = Screen::new(json);
        let mut examination = Examination::default();
        let cause = examination.run(&task, joining, &mut screen).await;
        let verdict = examination.verdict(cause);
        if json {
            screen.print(&document::text(&examination, &verdict));
        } else {
            screen.verdict(&verdict);
        }
        screen.finish().context("cannot write to stdout")?;
        anyhow::Ok(verdict.cause.code())
    };
    tokio::select! {
        biased;
        () = signals.received() => Ok(BROKEN_OFF),
        code = examined => code,
    }
}

fn task(cli: &Cli) -> Result<Task, clap::Error> {
    let target = cli.target.as_deref().map(destination).transpose()?;
    Ok(Task { target, load: !cli.no_load, nat: cli.nat, json: cli.json })
}

fn destination(text: &str) -> Result<Destination, clap::Error> {
    super::destination(text, "-W: write HOST:PORT, @NAME or /SOCKET")
}

/// Where the words say that proxy2 is.
fn place(host: Option<&str>, port: Option<&str>) -> Result<Option<HostPorts>, clap::Error> {
    let named = |word: &str, name: &str, error: &dyn std::fmt::Display| {
        wrong(&format_args!("invalid value '{word}' for '{name}': {error}"))
    };
    let Some(host) = host else { return Ok(None) };
    let Some(port) = port else {
        return host.parse().map(Some).map_err(|error| named(host, "HOST:PORT", &error));
    };
    let ports = port.parse().map_err(|error| named(port, "PORT[,PORT]", &error))?;
    let host: Host = host.parse().map_err(|error| named(host, "HOST", &error))?;
    Ok(Some(HostPorts { host, ports }))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_place_is_one_word_or_two() {
        let text = |host, port| {
            place(host, port)
                .map(|place| place.map(|place| place.to_string()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(text(None, None), Ok(None));
        for words in [(Some("exit.example:5000,443"), None), (Some("exit.example"), Some("5000,443"))] {
            assert_eq!(text(words.0, words.1), Ok(Some("exit.example:5000,443".into())));
        }
        assert!(text(Some("exit.example"), None).unwrap_err().contains("has no port"));
        assert!(text(Some("exit.example"), Some("http")).unwrap_err().contains("'http' for 'PORT[,PORT]'"));
    }

    #[test]
    fn the_target_is_what_w_takes() {
        let text = |text| destination(text).map(|destination| destination.to_string()).map_err(|_| ());
        assert_eq!(text("db:5432"), Ok("db:5432".into()));
        assert_eq!(text("@files"), Ok("@files".into()));
        assert_eq!(text("nowhere"), Err(()));
    }
}
