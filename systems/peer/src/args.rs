//! The command line. The home of clap.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use common::{JoinArgs, time_within};

use crate::names::Pattern;
use crate::node::Options;
use crate::overlay::Name;
use crate::work::{ProgramError, Programs};

const ABOUT: &str = "\
A network of equals: each node says something to all, runs jobs for the others, and shares files with them

Each node joins one proxy2 with a ticket of its own, publishes peer.NAME there, where NAME is its ticket's, and \
finds the others. No node has an open port.";

const EXAMPLES: &str = "\
Examples:
  peer start --at exit.example:5000 --ticket-file ann.ticket --share ~/Public
  peer say 'lunch is ready'
  peer hear --follow
  peer run --times 100 primes 1000000
  peer get bob pictures/cat.jpg
  peer menu

Exit codes: 0 done; 1 it could not be done, and a sentence on standard error says why; 2 the command line is wrong.
`peer run` ends with the job's own code, or 1 if any of several jobs did not end with 0.

docs/systems/peer.md says how it works, and what the exit's rules have to allow: publish:peer.NAME and use:peer.*";

/// The program's command line.
#[derive(Parser, Debug)]
#[command(name = "peer", version, about = ABOUT.lines().next(), long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The node's folder, with its key and its socket [default: $XDG_STATE_HOME/paso-peer/NAME or
    /// ~/.local/state/paso-peer/NAME; commands find the node that runs]
    #[arg(long, global = true, value_name = "DIR", env = "PEER_HOME")]
    pub(crate) home: Option<PathBuf>,

    /// Which node of this machine, if several run
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "home")]
    pub(crate) node: Option<Name>,

    #[command(flatten)]
    pub(crate) verbosity: paso_cli::Verbosity,
}

/// What is to be done.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run a node, until it is stopped (SIGINT, SIGTERM, `peer stop`)
    Start(Box<StartArgs>),
    /// Say something to all: the words, or without words each line of standard input
    Say {
        /// What
        words: Vec<String>,
    },
    /// Show what was said, oldest first
    Hear {
        /// How much of what was heard before
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        last: usize,
        /// Go on with what is heard from now on, and who comes and goes
        #[arg(short, long)]
        follow: bool,
    },
    /// Show who is there: a link to it, how many jobs it runs at once, jobs of this node there now, what it runs
    List {
        /// As one JSON document, with counters
        #[arg(long)]
        json: bool,
    },
    /// Have a program run by whoever has time, and show what it writes
    Run(RunArgs),
    /// Show which files a node shares: size and path
    Files {
        /// Whose
        #[arg(value_name = "NAME")]
        of: Name,
    },
    /// Fetch a file that a node shares
    Get {
        /// Whose
        #[arg(value_name = "NAME")]
        of: Name,
        /// Its path, as `peer files` shows it
        path: String,
        /// Where to, `-` for standard output [default: here, under the last part of its path]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        /// Replace what is there
        #[arg(long)]
        force: bool,
    },
    /// Let a node in, while this one runs
    Allow {
        /// Which
        name: Name,
    },
    /// Let a node in no more, while this one runs: its streams end at once
    Deny {
        /// Which
        name: Name,
    },
    /// Do all of this by a menu
    Menu,
    /// End the node
    Stop,
}

/// How a job is run.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// How often: each is a job of its own, and at the end their shares are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) times: u32,

    /// Give it what stands on standard input: at most 96 KiB
    #[arg(long)]
    pub(crate) stdin: bool,

    /// What nodes run by that name, and its words: `peer list` shows who runs what. Built in: `echo WORD...`, `primes NUMBER`,
    /// `sha256` of standard input, `wait MILLISECONDS`
    #[arg(
        value_name = "PROGRAM [WORD]",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) words: Vec<String>,
}

/// How a node is run.
#[derive(Args, Debug)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub(crate) join: JoinArgs,

    /// Whom it lets in, of those whom the exit's rules let come: names, or the beginning of names with * behind it
    #[arg(long, value_name = "NAME,...", default_value = "*", value_delimiter = ',')]
    allow: Vec<Pattern>,

    /// With whom it keeps links, as in --allow: others are reached through these
    #[arg(long, value_name = "NAME,...", default_value = "*", value_delimiter = ',')]
    link: Vec<Pattern>,

    /// Share the files in this folder and below it; not what symbolic links lead to
    #[arg(long, value_name = "DIR")]
    share: Option<PathBuf>,

    /// Run this program for others, by this name. Its words are fixed; `{}` stands for one word of the job, `{*}` at the end for all
    /// that are left, none of which may begin with '-'. It sees no variables of the node and is in the folder /, but may do what this user may
    #[arg(long, value_name = "NAME=/PROGRAM WORD...")]
    run: Vec<String>,

    /// Run no built-in programs for others
    #[arg(long)]
    no_builtin: bool,

    /// How many jobs it runs at once, 0 for none; others give it as many as they take it at its word for [default: the number of cores]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=64))]
    capacity: Option<u32>,

    /// How long a job may take: then it is ended
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time_within(1..=86_400))]
    job_limit: Duration,
}

impl StartArgs {
    /// What the node is to do.
    pub(crate) fn options(&self, home: Option<PathBuf>) -> Result<Options, ProgramError> {
        let cores = || {
            std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(64))
        };
        Ok(Options {
            home,
            allow: self.allow.clone(),
            link: self.link.clone(),
            share: self.share.clone(),
            programs: Programs::new(!self.no_builtin, &self.run)?,
            capacity: self.capacity.unwrap_or_else(cores).min(64),
            job_limit: self.job_limit,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_of_a_job_are_the_jobs() {
        let words = ["peer", "run", "--times", "2", "sum", "--help", "-x"];
        let Command::Run(run) = Cli::try_parse_from(words).unwrap().command else { panic!("it is run") };
        assert_eq!((run.times, run.words), (2, vec!["sum".into(), "--help".into(), "-x".into()]));
    }

    #[test]
    fn all_are_let_in_and_nothing_is_shared_at_first() {
        let Command::Start(start) = Cli::try_parse_from(["peer", "start"]).unwrap().command else {
            panic!("it is start")
        };
        let options = start.options(None).unwrap();
        assert!(options.share.is_none() && options.allow == ["*".parse().unwrap()] && options.capacity > 0);
        assert!(!options.programs.names().is_empty());
        assert!(Cli::try_parse_from(["peer", "start", "--allow", "Ann"]).is_err());
    }
}
