//! How the places where clients are taken are written on a control stream: what is asked for in requests, what is held in answers.

use std::path::{Path, PathBuf};

use proto::destination::Destination;

use crate::address::{AddressError, Listen};
use crate::local::forwarding::Bound;
use crate::settings::ListenOn;

/// Where to listen, as a request says it.
pub(super) fn asked_text(listen: &ListenOn) -> String {
    match listen {
        ListenOn::Unix(path) => unix_text(path),
        ListenOn::Tcp(_) | ListenOn::Udp(_) | ListenOn::Stdio => listen.to_string(),
    }
}

/// Reads where to listen, as a request says it.
///
/// # Errors
/// It is no such place, or of a kind that this version does not take clients at.
pub(super) fn read_asked(text: &str) -> Result<ListenOn, String> {
    if text.starts_with("unix/") {
        return match text.parse() {
            Ok(Destination::Unix(path)) => Ok(ListenOn::Unix(PathBuf::from(path.as_path()))),
            Ok(_) => Err("not a place to listen at".into()),
            Err(error) => Err(error.to_string()),
        };
    }
    let (address, kind): (_, fn(Listen) -> ListenOn) = match text.strip_suffix("/udp") {
        Some(address) => (address, ListenOn::Udp),
        None => (text, ListenOn::Tcp),
    };
    address.parse().map(kind).map_err(|error: AddressError| error.to_string())
}

/// Where clients are taken, as an answer says it.
pub(super) fn held_text(bound: &Bound) -> String {
    match bound {
        Bound::Unix(path) => unix_text(path),
        Bound::Tcp(_) | Bound::Udp(_) | Bound::Stdio => bound.to_string(),
    }
}

/// Reads where clients are taken; `None`: no place that this version knows.
pub(super) fn read_held(text: &str) -> Option<Bound> {
    if let Some(path) = text.strip_prefix("unix/") {
        return Some(Bound::Unix(PathBuf::from(format!("/{path}"))));
    }
    match text.strip_suffix("/udp") {
        Some(address) => address.parse().ok().map(Bound::Udp),
        None => text.parse().ok().map(Bound::Tcp),
    }
}

fn unix_text(path: &Path) -> String {
    format!("unix{}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["127.0.0.1:80", "[::1]:0", "127.0.0.1:53/udp", "unix/run/x.sock"] {
            assert_eq!(asked_text(&read_asked(text).unwrap()), text);
            assert_eq!(held_text(&read_held(text).unwrap()), text);
        }
        for text in ["localhost:80", "files.example:0/udp"] {
            assert_eq!(asked_text(&read_asked(text).unwrap()), text);
            assert_eq!(read_held(text), None, "it is an address by then");
        }
        for text in ["", "unix/run/../x", "unix/", "127.0.0.1"] {
            assert!(read_asked(text).is_err(), "{text:?}");
        }
    }
}
