//! How much is written to the log, and how.

use clap::{ArgAction, Args, ValueEnum};
use tracing::level_filters::LevelFilter;

/// How much is written to the log, and how.
#[derive(Args, Clone, Copy, Debug)]
pub struct Verbosity {
    /// Log more: -v for DEBUG, -vv for TRACE (RUST_LOG, if set, decides instead)
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,

    /// Log less: -q for warnings, -qq for errors only
    #[arg(short, long, global = true, action = ArgAction::Count)]
    quiet: u8,

    /// How lines of the log are written: for people, or each a JSON object for programs
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Time, level, sentence and fields, for people.
    #[default]
    Text,
    /// A JSON object a line: `timestamp`, `level`, `message`, and the fields beside them.
    Json,
}

/// What a program logs to stderr, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logging {
    /// The least important level that is written.
    pub level: LevelFilter,
    /// How a line is written.
    pub format: LogFormat,
}

impl From<LevelFilter> for Logging {
    fn from(level: LevelFilter) -> Self {
        Self { level, format: LogFormat::Text }
    }
}

impl Verbosity {
    /// As [`logging`](Self::logging) for a program that works for another one: it begins at warnings.
    pub const fn logging_of_tool(self) -> Logging {
        Logging { level: self.level_of_tool(), format: self.log_format }
    }

    /// What is logged, and how.
    pub const fn logging(self) -> Logging {
        Logging { level: self.level(), format: self.log_format }
    }

    const fn level_of_tool(self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (0, 0) => LevelFilter::WARN,
            (0, 1) => LevelFilter::INFO,
            (0, 2) => LevelFilter::DEBUG,
            (0, _) => LevelFilter::TRACE,
            (_, _) => LevelFilter::ERROR,
        }
    }

    const fn level(self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (0, 0) => LevelFilter::INFO,
            (0, 1) => LevelFilter::DEBUG,
            (0, _) => LevelFilter::TRACE,
            (1, _) => LevelFilter::WARN,
            (_, _) => LevelFilter::ERROR,
        }
    }
}
