//! What is said of a command line that cannot be.

use std::fmt::Display;

use clap::error::ErrorKind;
use cli::config::{Origin, Values};

/// Something is wrong with what was written: exit code 2.
pub(crate) fn wrong(error: &dyn Display) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{error}\n"))
}

/// Whether what words say is not said by an option of the same command line too. Words come before other places.
///
/// # Errors
/// It is.
pub(crate) fn said_once(key: &str, by_words: bool, values: &Values) -> Result<(), clap::Error> {
    if by_words && values.origin(key) == Origin::CommandLine {
        return Err(wrong(&format_args!("--{key} says what the words say too: leave one out")));
    }
    Ok(())
}
