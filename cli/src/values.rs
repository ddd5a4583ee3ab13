//! Values that options have in common.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use tunnel::address::{AddressError, Listen};

use crate::secrets::hidden;
use crate::units::{at_least, parse_time};

/// How many of something there may be: a number from 1.
///
/// # Errors
/// Anything else, in one sentence.
pub fn parse_count(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| format!("'{text}' is not possible here: write a number from 1 to {}", u32::MAX))
}

/// Takes the path of something that may be made: not a ticket that stands in its place, which would become a name that everybody sees.
pub fn path_parser() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(path)
}

fn path(text: OsString) -> Result<PathBuf, &'static str> {
    if matches!(hidden(&text.to_string_lossy()), Cow::Owned(_)) {
        return Err("this is a ticket or a key, not the name of a file or a folder");
    }
    Ok(text.into())
}

/// A time that something may take: not nothing.
///
/// # Errors
/// Anything else, in one sentence.
pub fn parse_patience(text: &str) -> Result<Duration, String> {
    at_least(text, parse_time(text), Duration::from_millis(1), "1ms")
}

/// Where to listen: a bare port is on loopback, `*:PORT` on all interfaces, as in a forward.
///
/// # Errors
/// Anything else, in one sentence.
pub(crate) fn parse_listen(text: &str) -> Result<Listen, String> {
    let port = text.strip_prefix("*:").or_else(|| text.strip_prefix(':'));
    let all = port.map(|port| format!("[::]:{port}"));
    all.as_deref().unwrap_or(text).parse().map_err(|error: AddressError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_on_loopback_unless_it_is_said_to_be_everywhere() {
        let read = |text: &str| parse_listen(text).map(|listen| listen.to_string());
        for (text, means) in [
            ("9100", "127.0.0.1:9100"),
            ("*:9100", "[::]:9100"),
            (":9100", "[::]:9100"),
            ("192.0.2.1:0", "192.0.2.1:0"),
            ("localhost:1", "localhost:1"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(means), "{text}");
        }
        for text in ["", "*", "x", "*:x", "99999"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
