//! The options that say where the others are.

use std::path::PathBuf;

use clap::Args;
use tunnel::address::Listen;

use crate::values::parse_listen;
use crate::{Logging, Verbosity};

/// Where the options are read from, and what is done with them.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// Read options from this file too, in TOML: each key is a long option, as in `ticket-file = "exit.ticket"`. SIGHUP reads
    /// it again
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print the options that are in force, as such a file, each with the place that says it, and end
    #[arg(long)]
    pub print_config: bool,

    /// Check the options, the names of hosts, and what files and tickets are named, and end: 0 all is well, 1 something cannot be
    /// had, 2 bad usage
    #[arg(long)]
    pub check: bool,
}

/// How the program is watched.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Watching")]
pub struct MetricsArgs {
    /// Show links and streams on a web page, and numbers for Prometheus at /metrics, at this port of HTTP; a bare PORT is on
    /// 127.0.0.1, *:PORT everywhere. Who reaches it sees the names of tickets and targets
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = parse_listen)]
    pub metrics: Option<Listen>,
}

/// What is done with the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The program serves, and logs so.
    Serve(Logging),
    /// They are printed.
    Print,
    /// It is looked whether they can be.
    Check,
}

impl ConfigArgs {
    /// What is done with the options, and with those of the log.
    pub const fn action(&self, verbosity: Verbosity) -> Action {
        match (self.check, self.print_config) {
            (true, _) => Action::Check,
            (false, true) => Action::Print,
            (false, false) => Action::Serve(verbosity.logging()),
        }
    }
}
