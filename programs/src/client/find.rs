//! `paso find`: the names that somebody publishes and this ticket may use.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use cli::config::Environment;
use cli::program::{Printing, Signals};
use cli::terminal::COLUMNS;
use serde::Serialize;
use tunnel::session::ServiceInfo;
use tunnel::settings::NameGlob;
use tunnel::visible::{visible, visible_json};

use super::{JoinArgs, Joining};

/// Lists the names that are published and that this ticket may use
#[derive(Clone, Debug, Parser)]
#[command(name = "find", version = crate::VERSION, before_help = EXAMPLES, after_help = after_help(), help_template = crate::TEMPLATE)]
struct Cli {
    /// Which names: * is any number of characters, ? is one; in quotes, or the shell reads it
    #[arg(value_name = "GLOB", default_value = "*")]
    glob: NameGlob,

    /// Print a JSON array, an object for each name
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    join: JoinArgs,
}

const EXAMPLES: &str = "\
Examples:
  paso find 'fi*' --ticket-file exit.ticket
  paso find --json";

fn after_help() -> String {
    let codes =
        "Exit codes: 0 there are such names; 1 there are none, or proxy2 does not answer; 2 bad usage.";
    format!("{}\n\n{codes}", crate::PLACES)
}

/// Its options.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// The program: 0 if there is a name, 1 if there is none or nobody could be asked, 2 for bad usage.
pub(crate) fn main(name: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = std::iter::once(name.into()).chain(words).collect();
    match super::parse::<Cli>(words, Environment::of_process(), |cli| &cli.join) {
        Ok((cli, joining)) => {
            let logging = cli.join.verbosity.logging_of_tool();
            cli::program::run(logging, |signals| serve(cli, joining, signals))
        }
        Err(error) => cli::explain_with(&error, name, "'fi*' --ticket-file exit.ticket"),
    }
}

async fn serve(cli: Cli, joining: Joining, mut signals: Signals) -> anyhow::Result<()> {
    let found = async {
        let link = joining.join().await?;
        let found = link.find(&cli.glob.to_string()).await?;
        link.close().await.context("the link did not end in order")?;
        anyhow::Ok(found)
    };
    let mut found = tokio::select! {
        biased;
        () = signals.received() => return Ok(()),
        found = found => found?,
    };
    found.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    let text = if cli.json { json(&found) } else { table(&found) };
    Printing::start(text.into()).finish().await.context("cannot write to stdout")?;
    if found.is_empty() {
        anyhow::bail!("no name that this ticket may use is like '{}'", cli.glob);
    }
    Ok(())
}

/// A line a name. Tickets for which there is no room in the line are counted.
fn table(found: &[ServiceInfo]) -> String {
    /// The head of the last column, which is left out where there is no room.
    const LAST: &str = "  tickets";
    let Some(longest) = found.iter().map(|one| one.name.as_str().len()).max() else { return String::new() };
    // The longest name has 64 bytes, which leaves 16 for the rest.
    let width = longest.max("name".len());
    let mut out = format!("{:<width$}  pubs  udp", "name");
    if out.len() + LAST.len() <= COLUMNS {
        out.push_str(LAST);
    }
    out.push('\n');
    for one in found {
        let udp = if one.udp { "udp" } else { "-" };
        let mut line = format!("{:<width$}  {:>4}  {udp:<3}", one.name.as_str(), one.publishers);
        let room = COLUMNS.saturating_sub(line.chars().count() + 2);
        // Names are made of few characters; tickets are called what proxy2 says.
        let tickets: Vec<_> = one.tickets.iter().map(|ticket| visible(ticket)).collect();
        let tickets = names(&tickets, room);
        if !tickets.is_empty() {
            let _ = write!(line, "  {tickets}");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn names(all: &[Cow<'_, str>], room: usize) -> String {
    for shown in (0..=all.len()).rev() {
        let mut text = all.get(..shown).unwrap_or_default().join(" ");
        if shown < all.len() {
            let more = format!("{}+{}", if shown == 0 { "" } else { " " }, all.len() - shown);
            text.push_str(&more);
        }
        if text.chars().count() <= room {
            return text;
        }
    }
    String::new()
}

/// A name in JSON.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    udp: bool,
    publishers: usize,
    tickets: &'a [String],
}

fn json(found: &[ServiceInfo]) -> String {
    let line = |one: &ServiceInfo| {
        let line =
            Line { name: one.name.as_str(), udp: one.udp, publishers: one.publishers, tickets: &one.tickets };
        let line = serde_json::to_string(&line).expect("texts and numbers can all be written");
        visible_json(&line).into_owned()
    };
    let lines: Vec<_> = found.iter().map(line).collect();
    if lines.is_empty() { "[]\n".into() } else { format!("[\n{}\n]\n", lines.join(",\n")) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn service(name: &str, publishers: usize, udp: bool, tickets: &[&str]) -> ServiceInfo {
        let tickets = tickets.iter().map(|ticket| (*ticket).to_owned()).collect();
        ServiceInfo { name: name.parse().unwrap(), udp, publishers, tickets }
    }

    #[test]
    fn names_are_a_table_of_80_columns() {
        let found = [service("dns", 1, true, &["office"]), service("files", 2, false, &["home", "office"])];
        let expected = "\
name   pubs  udp  tickets
dns       1  udp  office
files     2  -    home office
";
        assert_eq!(table(&found), expected);
        let long = "n".repeat(64);
        let wide = table(&[service(&long, 1_000, true, &["a-ticket", "b"])]);
        assert!(wide.lines().all(|line| line.chars().count() <= 80), "{wide}");
        let many: Vec<_> = (0..40).map(|number| format!("ticket-{number}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let wide = table(&[service("x", 40, false, &many)]);
        assert!(wide.lines().all(|line| line.chars().count() <= 80) && wide.contains(" +3"), "{wide}");
        assert_eq!(table(&[]), "");
        let evil = table(&[service("x", 1, false, &["a\x1b[2J\u{202e}b"])]);
        assert!(evil.contains("  a?[2J?b\n"), "{evil}");
    }

    #[test]
    fn json_is_an_array() {
        let text = json(&[service("dns", 1, true, &["a\"b"]), service("files", 2, false, &[])]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[0]["tickets"][0], "a\"b");
        assert_eq!((value[1]["publishers"].as_u64(), value[1]["udp"].as_bool()), (Some(2), Some(false)));
        assert_eq!(json(&[]), "[]\n");
    }

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }
}
