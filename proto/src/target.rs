//! A host and a port that the exit dials.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// The longest host name in bytes (RFC 1035 section 2.3.4 gives 255 with the length bytes).
pub const MAX_HOST_LEN: usize = 255;
/// The longest target in bytes of text: the longest host, a colon, five digits.
pub const MAX_LEN: usize = MAX_HOST_LEN + 6;

/// A host and a port that the exit dials.
///
/// Its text is `HOST:PORT`, with an IPv6 address in brackets; that text is also its form on the wire. Names are
/// in lower case and addresses in their canonical form, so equal targets are equal values and equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    host: Host,
    port: u16,
}

/// What a target's port is on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name to be looked up: letters, digits, `-`, `_` and dots, in lower case.
    Name(Name),
    /// An address; never an IPv4 address in IPv6 clothes.
    Ip(IpAddr),
}

/// A host name that was checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text is not a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No `:PORT` at its end.
    #[error("a target is HOST:PORT, and this has no port")]
    NoPort,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// Nothing before the port.
    #[error("the host is empty")]
    Empty,
    /// Longer than [`MAX_HOST_LEN`].
    #[error("the host is longer than {MAX_HOST_LEN} bytes")]
    TooLong,
    /// Neither a name nor an address.
    #[error("the host is neither a name (letters, digits, '-', '_', '.') nor an IP address")]
    Host,
    /// An IPv6 address without brackets, or brackets around something else.
    #[error("an IPv6 address stands in brackets, as in [::1]:80, and nothing else does")]
    Brackets,
    /// Not UTF-8 (only for bytes from the wire).
    #[error("not text")]
    NotText,
}

impl Target {
    /// A target of its parts.
    ///
    /// # Errors
    /// [`TargetError::Port`] if `port` is 0.
    pub fn new(host: Host, port: u16) -> Result<Self, TargetError> {
        if port == 0 { Err(TargetError::Port) } else { Ok(Self { host, port }) }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Reads a target from the bytes of its text.
    ///
    /// # Errors
    /// As [`Target::from_str`], and [`TargetError::NotText`].
    pub fn from_wire(bytes: &[u8]) -> Result<Self, TargetError> {
        std::str::from_utf8(bytes).map_err(|_| TargetError::NotText)?.parse()
    }

    /// The bytes of its text, at most [`MAX_LEN`].
    pub fn to_wire(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// Reads `HOST:PORT` or `[IPV6]:PORT`.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (host, port) = split(text)?;
        Self::new(Host::from_bracketed(host)?, parse_port(port)?)
    }
}

/// The text of a host, an IPv6 address in its brackets, and what is behind the colon.
pub(crate) fn split(text: &str) -> Result<(&str, &str), TargetError> {
    let (host, port) = text.rsplit_once(':').ok_or(TargetError::NoPort)?;
    if port.contains(']') { Err(TargetError::NoPort) } else { Ok((host, port)) }
}

/// A port in decimal digits, without the sign that `u16::from_str` would take.
pub(crate) fn parse_port(text: &str) -> Result<u16, TargetError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().map_err(|_| TargetError::Port) } else { Err(TargetError::Port) }
}

impl Host {
    /// Reads a host as it stands before a port: an IPv6 address, and nothing else, is in brackets.
    pub(crate) fn from_bracketed(text: &str) -> Result<Self, TargetError> {
        match text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => Self::v6(inner),
            None if text.contains([':', '[', ']']) => Err(TargetError::Brackets),
            None => text.parse(),
        }
    }

    /// Writes it as it stands before a port.
    pub(crate) fn write_bracketed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Name(Name(name)) => f.write_str(name),
        }
    }

    fn v6(text: &str) -> Result<Self, TargetError> {
        let address: Ipv6Addr = text.parse().map_err(|_| TargetError::Brackets)?;
        Ok(Self::Ip(address.to_canonical()))
    }
}

impl FromStr for Host {
    type Err = TargetError;

    /// Reads a name or an address (an IPv6 address without brackets, as on a command line of its own).
    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address.to_canonical()));
        }
        Name::from_str(text).map(Self::Name)
    }
}

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if text.len() > MAX_HOST_LEN {
            return Err(TargetError::TooLong);
        }
        // One dot at the end is the root of the name space.
        let labels = text.strip_suffix('.').unwrap_or(text);
        if !labels.split('.').all(is_label) || looks_like_an_address(labels) {
            return Err(TargetError::Host);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.len() <= 63 && label.bytes().all(allowed)
}

/// Resolvers read `127.1`, `0x7f.1` and `2130706433` as IPv4 addresses. What is checked as a name must not be dialled
/// as an address, so a name whose last label is a number is none.
fn looks_like_an_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.write_bracketed(f)?;
        write!(f, ":{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_targets_and_their_canonical_text() {
        let good = [
            ("localhost:80", "localhost:80"),
            ("Example.COM.:65535", "example.com.:65535"),
            ("_srv.a-b.c1:1", "_srv.a-b.c1:1"),
            ("127.0.0.1:22", "127.0.0.1:22"),
            ("[::1]:8080", "[::1]:8080"),
            ("[0:0::1]:8080", "[::1]:8080"),
            ("[::ffff:10.0.0.1]:5", "10.0.0.1:5"),
            ("1.example:007", "1.example:7"),
        ];
        for (text, canonical) in good {
            let target: Target = text.parse().expect(text);
            assert_eq!(target.to_string(), canonical);
            assert_eq!(Target::from_wire(&target.to_wire()), Ok(target));
        }
    }

    #[test]
    fn bad_targets_are_named() {
        let long = format!("{}:1", "a.".repeat(128));
        let bad = [
            ("", TargetError::NoPort),
            ("host", TargetError::NoPort),
            ("[::1]", TargetError::NoPort),
            (":80", TargetError::Empty),
            ("host:", TargetError::Port),
            ("host:0", TargetError::Port),
            ("host:65536", TargetError::Port),
            ("host:+80", TargetError::Port),
            ("host: 80", TargetError::Port),
            ("::1:80", TargetError::Brackets),
            ("[host]:80", TargetError::Brackets),
            ("[127.0.0.1]:80", TargetError::Brackets),
            ("[::1:80", TargetError::Brackets),
            ("a b:80", TargetError::Host),
            ("a..b:80", TargetError::Host),
            (".:80", TargetError::Host),
            ("héllo:80", TargetError::Host),
            ("127.1:80", TargetError::Host),
            ("2130706433:80", TargetError::Host),
            ("0x7f.0x1:80", TargetError::Host),
            ("256.0.0.1.:80", TargetError::Host),
            (&long, TargetError::TooLong),
        ];
        for (text, error) in bad {
            assert_eq!(text.parse::<Target>(), Err(error), "{text:?}");
        }
        assert_eq!(Target::from_wire(b"\xff:80"), Err(TargetError::NotText));
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again_the_same(text in "[a-zA-Z0-9:._\\[\\]x-]{0,40}:[0-9]{1,5}") {
            if let Ok(target) = text.parse::<Target>() {
                prop_assert!(target.to_wire().len() <= MAX_LEN);
                prop_assert_eq!(target.to_string().parse(), Ok(target));
            }
        }

        #[test]
        fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Target::from_wire(&bytes);
        }
    }
}
