//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures the speed of the proxies on this machine and prints a table
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example: all of it, kept and compared with what was kept before\n  \
    cargo build --release && cargo run --release --bin bench -- --compare docs/data/end-to-end.json"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Measure only these rows (see --list), comma-separated
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// How often each row is measured
    #[arg(short = 'n', long, default_value_t = 5)]
    pub(crate) runs: usize,
    /// Seconds that a load counts
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
    /// Less of everything, once: to see that it works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Largest datagram, in bytes of UDP payload; 1472 fills a frame of 1,500 bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1_472)]
    pub(crate) max_datagram: u16,
    /// Measure this project alone
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Keep the results in this file; what it holds of other rows stays
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Name what is worse than in this file, beyond noise; exit code 1 if anything is
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    /// Print the rows and end
    #[arg(long)]
    pub(crate) list: bool,
}

/// What else there is.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Count the instructions that a packet costs in memory and compare with the record (needs valgrind)
    Guard {
        /// Replace the record
        #[arg(long)]
        record: bool,
    },
    /// What the guard counts
    #[command(hide = true)]
    Work {
        /// How much to carry
        megabytes: usize,
    },
    /// One end of the tunnel that only passes bytes on
    #[command(hide = true)]
    Bare {
        /// Which
        end: End,
        /// Where it listens
        from: SocketAddr,
        /// Where it sends or connects to
        to: SocketAddr,
    },
}

/// The ends of a tunnel.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum End {
    /// From TCP to UDP
    Near,
    /// From UDP to TCP
    Far,
}
