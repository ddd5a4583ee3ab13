//! Where proxy2 is, as a ticket says it: hosts, and the ports of each.

use std::collections::HashSet;
use std::fmt;
use std::iter::once;
use std::str::FromStr;

use thiserror::Error;

pub use crate::target::Host;
use crate::target::{self, TargetError};

/// Specification: most places of a ticket.
pub const MAX_PLACES: usize = 8;
/// Specification: most ports of a place.
pub const MAX_PORTS: usize = 8;
/// Specification: most bytes that the text of all places takes, because its length is one byte.
pub const MAX_TEXT_LEN: usize = 255;

/// A machine that proxy2 is on, and its UDP ports there in the order in which they are to be tried.
///
/// Its text is `HOST:PORT[,PORT…]`, with an IPv6 address in brackets; equal places have equal texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    host: Host,
    ports: Vec<u16>,
}

/// The places of a ticket in the order in which they are to be tried: [`MAX_PLACES`] at most, or none. Their text has
/// one blank between two, and [`MAX_TEXT_LEN`] bytes at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Places(Vec<Place>);

/// Why a text is not a place, or places are not those of a ticket. Each message says what to write.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// No port.
    #[error("a place is HOST:PORT[,PORT…], and this has no port: write one, as in exit.example:5000")]
    NoPort,
    /// Something that is no port.
    #[error(
        "'{0}' is not a port: write a number from 1 to 65535, and commas between several, as in exit.example:5000,443"
    )]
    Port(String),
    /// More ports than [`MAX_PORTS`].
    #[error("a place has at most {MAX_PORTS} ports, and this has {0}: leave some out")]
    TooManyPorts(usize),
    /// What stands before the port is no host.
    #[error("{0}: write a host like exit.example, 192.0.2.1 or [2001:db8::1]")]
    Host(TargetError),
    /// An address with a zone, which is a link of one machine.
    #[error("an address with '%' means something on one machine only: write another address of proxy2")]
    Zone,
    /// The same host and port again.
    #[error("{0} stands there twice: write it once")]
    Twice(Place),
    /// More places than [`MAX_PLACES`].
    #[error("a ticket has at most {MAX_PLACES} places, and these are {0}: leave some out")]
    TooManyPlaces(usize),
    /// A text longer than [`MAX_TEXT_LEN`].
    #[error("the places take {0} bytes, and a ticket has room for {MAX_TEXT_LEN}: leave some out")]
    TooLong(usize),
}

impl Place {
    /// A place of its parts.
    ///
    /// # Errors
    /// No port, more than [`MAX_PORTS`], port 0, or the same port twice.
    pub fn new(host: Host, ports: Vec<u16>) -> Result<Self, PlaceError> {
        if ports.is_empty() {
            return Err(PlaceError::NoPort);
        }
        if ports.len() > MAX_PORTS {
            return Err(PlaceError::TooManyPorts(ports.len()));
        }
        if ports.contains(&0) {
            return Err(PlaceError::Port("0".into()));
        }
        let place = Self { host, ports };
        refuse_twice([&place])?;
        Ok(place)
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The ports, 1 to [`MAX_PORTS`], none of them 0, none twice.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    /// Reads `HOST:PORT[,PORT…]`, also in upper case and with other spellings of an address.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (first, more) = match text.split_once(',') {
            Some((first, more)) => (first, Some(more)),
            None => (text, None),
        };
        let (host, port) = target::split(first).map_err(|_| PlaceError::NoPort)?;
        if host.contains('%') {
            return Err(PlaceError::Zone);
        }
        let host = Host::from_bracketed(host).map_err(PlaceError::Host)?;
        let ports = once(port).chain(more.into_iter().flat_map(|more| more.split(',')));
        Self::new(host, ports.map(parse_port).collect::<Result<_, _>>()?)
    }
}

fn parse_port(text: &str) -> Result<u16, PlaceError> {
    target::parse_port(text).map_err(|_| PlaceError::Port(text.to_owned()))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.write_bracketed(f)?;
        for (port, sign) in self.ports.iter().zip(once(':').chain(std::iter::repeat(','))) {
            write!(f, "{sign}{port}")?;
        }
        Ok(())
    }
}

impl Places {
    /// These places, or none.
    ///
    /// # Errors
    /// More than [`MAX_PLACES`], a text longer than [`MAX_TEXT_LEN`], or the same host and port twice.
    pub fn new(places: Vec<Place>) -> Result<Self, PlaceError> {
        if places.len() > MAX_PLACES {
            return Err(PlaceError::TooManyPlaces(places.len()));
        }
        refuse_twice(&places)?;
        let places = Self(places);
        let len = places.to_string().len();
        if len > MAX_TEXT_LEN { Err(PlaceError::TooLong(len)) } else { Ok(places) }
    }

    /// The places.
    pub fn as_slice(&self) -> &[Place] {
        &self.0
    }
}

impl FromStr for Places {
    type Err = PlaceError;

    /// Reads one place or more, with one blank between two.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        Self::new(text.split(' ').map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, place) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(f, "{gap}{place}")?;
        }
        Ok(())
    }
}

fn refuse_twice<'a>(places: impl IntoIterator<Item = &'a Place>) -> Result<(), PlaceError> {
    let mut seen = HashSet::new();
    for Place { host, ports } in places {
        if let Some(port) = ports.iter().find(|port| !seen.insert((host, **port))) {
            return Err(PlaceError::Twice(Place { host: host.clone(), ports: vec![*port] }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_places_and_their_canonical_text() {
        let good = [
            ("exit.example:5000", "exit.example:5000"),
            ("exit.example:5000,443,53", "exit.example:5000,443,53"),
            ("Exit.Example.:0443,1", "exit.example.:443,1"),
            ("192.0.2.1:1,2,3,4,5,6,7,65535", "192.0.2.1:1,2,3,4,5,6,7,65535"),
            ("[2001:DB8:0::1]:443", "[2001:db8::1]:443"),
            ("[::ffff:192.0.2.1]:443,53", "192.0.2.1:443,53"),
        ];
        for (text, canonical) in good {
            let place: Place = text.parse().expect(text);
            assert_eq!(place.to_string(), canonical);
            assert_eq!(canonical.parse().as_ref(), Ok(&place));
            assert_eq!(Place::new(place.host().clone(), place.ports().to_vec()), Ok(place));
        }
    }

    #[test]
    fn bad_places_are_named() {
        let bad = [
            ("", "has no port"),
            ("exit.example", "has no port"),
            ("exit.example,443", "has no port"),
            ("[2001:db8::1]", "has no port"),
            ("exit.example:", "'' is not a port"),
            ("exit.example:0", "'0' is not a port"),
            ("exit.example:443,0", "'0' is not a port"),
            ("exit.example:65536", "'65536' is not a port"),
            ("exit.example:443,", "'' is not a port"),
            ("exit.example:443, 53", "' 53' is not a port"),
            ("exit.example:443,b:53", "'b:53' is not a port"),
            ("exit.example:https", "'https' is not a port"),
            ("exit.example:1,2,3,4,5,6,7,8,9", "at most 8 ports, and this has 9"),
            ("exit.example:443,53,443", "exit.example:443 stands there twice"),
            (":443", "the host is empty"),
            ("a b:443", "the host is neither"),
            ("2001:db8::1:443", "in brackets"),
            ("[fe80::1%eth0]:443", "on one machine only"),
            ("fe80::1%eth0:443", "on one machine only"),
        ];
        for (text, words) in bad {
            let error = text.parse::<Place>().expect_err(text).to_string();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        assert_eq!(Place::new("a".parse().unwrap(), Vec::new()), Err(PlaceError::NoPort));
    }

    #[test]
    fn places_that_do_not_go_into_one_ticket_are_named() {
        let place = |text: &str| text.parse::<Place>().unwrap();
        let many = |count: u16| (1..=count).map(|port| place(&format!("a:{port}"))).collect::<Vec<_>>();
        assert_eq!(Places::new(many(8)).unwrap().as_slice().len(), 8);
        assert_eq!(Places::new(many(9)), Err(PlaceError::TooManyPlaces(9)));
        let twice = vec![place("a:443,53"), place("b:53"), place("A:80,53")];
        assert_eq!(Places::new(twice), Err(PlaceError::Twice(place("a:53"))));
        // Two texts of 127 bytes, and a blank between them.
        let long = |last: &str| place(&format!("{}.{}{last}:1", "a".repeat(63), "b".repeat(60)));
        let [first, second, longer] = ["x", "y", "yy"].map(long);
        assert_eq!(Places::new(vec![first.clone(), second]).unwrap().to_string().len(), MAX_TEXT_LEN);
        assert_eq!(Places::new(vec![first, longer]), Err(PlaceError::TooLong(256)));
    }

    #[test]
    fn between_two_places_is_one_blank() {
        let good: Places = "a:1,2 b:3".parse().unwrap();
        assert_eq!(good.to_string(), "a:1,2 b:3");
        for text in ["a:1,2  b:3", " a:1,2 b:3", "a:1,2 b:3 ", "a:1,2\tb:3", "a:1,2\nb:3"] {
            assert!(text.parse::<Places>().is_err(), "{text:?}");
        }
    }
}
