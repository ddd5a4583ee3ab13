//! Values with a least that options have in common.

use std::time::Duration;

use crate::units::{UnitError, parse_time};

/// How many of something there may be: a number from 1.
///
/// # Errors
/// Anything else, in one sentence.
pub fn parse_count(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| format!("'{text}' is not possible here: write a number from 1 to {}", u32::MAX))
}

/// A time that something may take: not nothing.
///
/// # Errors
/// Anything else, in one sentence.
pub fn parse_patience(text: &str) -> Result<Duration, String> {
    at_least(text, parse_time(text), Duration::from_millis(1), "1ms")
}

/// `value`, if it is `least` or more; `name` is what to write then.
///
/// # Errors
/// What is wrong with `text`, in one sentence.
pub(crate) fn at_least<T: PartialOrd>(
    text: &str,
    value: Result<T, UnitError>,
    least: T,
    name: &str,
) -> Result<T, String> {
    let value = value.map_err(|error| error.to_string())?;
    if value < least {
        return Err(format!("'{text}' is too little: write {name} or more"));
    }
    Ok(value)
}
