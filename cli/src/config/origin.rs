//! Where a value comes from.

use std::fmt;
use std::sync::Arc;

/// Where the value of an option comes from. Of two that exclude each other the one of the earlier place counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    CommandLine,
    /// A variable of the environment.
    Variable(String),
    /// A line of the configuration file, from 1.
    File {
        /// The file, as it was named.
        path: Arc<str>,
        /// The line.
        line: usize,
    },
    /// Nobody has said it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}
