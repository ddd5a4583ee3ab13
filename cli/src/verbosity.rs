//! How much is written to the log.

use clap::{ArgAction, Args};
use tracing::level_filters::LevelFilter;

/// How much is written to the log.
#[derive(Args, Clone, Copy, Debug)]
pub struct Verbosity {
    /// Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,

    /// Log less: -q for warnings, -qq for errors only
    #[arg(short, long, global = true, action = ArgAction::Count)]
    quiet: u8,
}

impl Verbosity {
    /// As [`level`](Self::level) for a program that works for another one: it begins at warnings.
    pub const fn level_of_tool(self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (0, 0) => LevelFilter::WARN,
            (0, 1) => LevelFilter::INFO,
            (0, 2) => LevelFilter::DEBUG,
            (0, _) => LevelFilter::TRACE,
            (_, _) => LevelFilter::ERROR,
        }
    }

    /// The least important level that is written.
    pub const fn level(self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (0, 0) => LevelFilter::INFO,
            (0, 1) => LevelFilter::DEBUG,
            (0, _) => LevelFilter::TRACE,
            (1, _) => LevelFilter::WARN,
            (_, _) => LevelFilter::ERROR,
        }
    }
}
