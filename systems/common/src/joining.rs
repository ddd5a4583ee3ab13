//! The options with which a program joins an exit: the same as those of `paso nc` and `paso find`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use paso::{Link, LinkOptions, Ticket};

use crate::times::time_within;

/// Where the exit is, and what lets the program in.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Joining")]
pub struct JoinArgs {
    /// Where proxy2 is; may be repeated; not needed with a ticket that says it
    #[arg(long, value_name = "HOST:PORT[,PORT]", env = "PASO_AT", value_delimiter = ' ')]
    at: Vec<String>,

    /// A file that holds the ticket and that nobody else can read or replace [default: what the variable PASO_TICKET holds, or else
    /// the one that a proxy2 on this machine keeps for this user]
    #[arg(long, value_name = "FILE", env = "PASO_TICKET_FILE")]
    ticket_file: Option<PathBuf>,

    /// Folder of the keys and tickets of a proxy2 on this machine [default: $XDG_STATE_HOME/paso or ~/.local/state/paso]
    #[arg(long, value_name = "DIR", env = "PASO_STATE", conflicts_with = "ticket_file")]
    state: Option<PathBuf>,

    /// How long to wait for proxy2's answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time_within(1..=3_600))]
    join_within: Duration,
}

impl JoinArgs {
    /// Joins: reads the ticket, and waits until proxy2 has answered.
    ///
    /// Cancel safe: a link that nobody waits for ends.
    ///
    /// # Errors
    /// There is no ticket, what is given is no place, or proxy2 lets nobody in or does not answer; the text says which.
    pub async fn join(&self) -> anyhow::Result<Link> {
        self.options()?.join().await.context("proxy2")
    }

    /// What [`join`](Self::join) joins with, for a program that wants more of it.
    ///
    /// # Errors
    /// There is no ticket, or what is given is no place.
    pub fn options(&self) -> anyhow::Result<LinkOptions> {
        let ticket = match (&self.ticket_file, &self.state, std::env::var("PASO_TICKET")) {
            (Some(file), ..) => Ticket::from_file(file)?,
            // As of the core's programs. It is no option: what stands in a command line everybody sees.
            (None, None, Ok(text)) => text.parse().context("the variable PASO_TICKET")?,
            (None, state, _) => Ticket::of_this_machine(state.as_deref())?,
        };
        let mut options = LinkOptions::new(ticket).join_within(self.join_within);
        for place in &self.at {
            options = options.at(place).with_context(|| format!("--at {place}"))?;
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use paso::{Allow, Exit, State};

    use super::*;

    #[derive(Parser, Debug)]
    struct Cli {
        #[command(flatten)]
        join: JoinArgs,
    }

    fn parse(words: &[&str]) -> JoinArgs {
        Cli::try_parse_from(std::iter::once(&"program").chain(words)).unwrap().join
    }

    #[tokio::test]
    async fn it_joins_with_a_ticket_from_a_file() {
        let folder = std::env::temp_dir().join(format!("paso-joining-{}", std::process::id()));
        let state = State::folder(&folder);
        let ticket = state.ticket("one").unwrap();
        let file = folder.join("one.ticket");
        std::fs::write(&file, ticket.to_text().as_str()).unwrap();
        let exit = Exit::bind("127.0.0.1:0", &state, Allow::nothing()).await.unwrap();
        let at = exit.address().to_string();
        tokio::spawn(exit.run(std::future::pending()));
        let file = file.display().to_string();
        let link = parse(&["--at", &at, "--ticket-file", &file]).join().await.unwrap();
        assert_eq!(link.who_am_i().await.unwrap().ticket, "one");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = parse(&["--ticket-file", "/no/such/file"]).options().unwrap_err();
        assert!(format!("{error:#}").contains("/no/such/file"), "{error:#}");
    }
}
