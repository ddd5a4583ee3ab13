//! What a stream leads to: the text in its `C` (PROTOCOL.md, section Destinations).

use std::fmt;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use crate::target::{self, Target, TargetError};
use crate::ticket::record::TicketName;

/// The longest text of a destination in bytes: `udp/` and the longest target.
pub const MAX_LEN: usize = 4 + target::MAX_LEN;
/// The longest name of a service in bytes, as of a ticket.
pub const MAX_NAME_LEN: usize = 64;
/// The longest path of a Unix socket in bytes, without the end mark (Linux: `sun_path` has 108).
pub const MAX_PATH_LEN: usize = 107;

/// What a stream leads to.
///
/// Its text is also its form on the wire; equal destinations are equal values and equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// The other end's own target: no text.
    Own,
    /// A TCP connection: `HOST:PORT`.
    Tcp(Target),
    /// A flow of datagrams: `udp/HOST:PORT`.
    Udp(Target),
    /// A Unix socket of the other end: `unix/` and its absolute path without the first `/`.
    Unix(SocketPath),
    /// A published service: `@NAME`, or `udp/@NAME` if it takes datagrams.
    Service {
        /// Its name.
        name: ServiceName,
        /// Whether it takes datagrams.
        udp: bool,
    },
    /// The control stream, version 1: `ctl/1`.
    Control,
    /// A flow whose datagrams proxy2 itself answers, version 1: `check/1` (PROTOCOL.md, section Checks).
    Check,
    /// A request of proxy2, version 1: new streams are for another link, which proxy1 is to make; this one goes on until its streams end.
    /// `move/1` (PROTOCOL.md, section Moves).
    Move,
    /// A client of something that the peer listens for, or publishes, on this end's behalf: `for/ID`, then what is known of the client.
    Client(Client),
}

/// A client that the peer has accepted on behalf of this end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client {
    /// For which registration, as this end has numbered them on its control stream.
    pub registration: u32,
    /// The ticket of the client's end, if it came over a link: `,ticket=NAME`.
    pub ticket: Option<TicketName>,
    /// The client's address, if it has one: `,from=ADDRESS:PORT`.
    pub from: Option<SocketAddr>,
    /// It is a flow of datagrams: `,udp`.
    pub udp: bool,
}

/// The name of a published service: 1 to [`MAX_NAME_LEN`] letters, digits, `-`, `_` and `.`, in lower case; the first is a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(String);

/// An absolute path of a socket, without `.`, `..` and doubled slashes: what is compared with a rule is what is opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketPath(String);

/// Why a text is not a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DestinationError {
    /// It looks like a target and is none.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Not a name of a service.
    #[error(
        "the name of a service is 1 to {MAX_NAME_LEN} letters, digits, '-', '_', '.', and begins with a letter or digit"
    )]
    Name,
    /// Not a path of a socket.
    #[error(
        "the path of a socket is absolute, has no '.', '..' or '//' in it, and at most {MAX_PATH_LEN} bytes"
    )]
    Path,
    /// What is known of a client is not written as it should be.
    #[error(
        "a client is for/ID, with ,ticket=NAME ,from=ADDRESS:PORT and ,udp where they apply, in that order"
    )]
    Client,
    /// A scheme that this version does not know.
    #[error("no destination begins like that")]
    Scheme,
    /// Not UTF-8 (only for bytes from the wire).
    #[error("not text")]
    NotText,
}

impl Destination {
    /// Reads a destination from the bytes of its text.
    ///
    /// # Errors
    /// As [`Destination::from_str`], and [`DestinationError::NotText`].
    pub fn from_wire(bytes: &[u8]) -> Result<Self, DestinationError> {
        std::str::from_utf8(bytes).map_err(|_| DestinationError::NotText)?.parse()
    }

    /// The bytes of its text, at most [`MAX_LEN`].
    pub fn to_wire(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Whether it takes datagrams, and the stream stands for a flow of them.
    pub const fn is_udp(&self) -> bool {
        match self {
            Self::Udp(_) | Self::Check => true,
            Self::Service { udp, .. } | Self::Client(Client { udp, .. }) => *udp,
            Self::Own | Self::Tcp(_) | Self::Unix(_) | Self::Control | Self::Move => false,
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if text.is_empty() {
            return Ok(Self::Own);
        }
        if let Some(name) = text.strip_prefix('@') {
            return Ok(Self::Service { name: name.parse()?, udp: false });
        }
        match text.split_once('/') {
            None => Ok(Self::Tcp(text.parse()?)),
            Some(("ctl", "1")) => Ok(Self::Control),
            Some(("check", "1")) => Ok(Self::Check),
            Some(("move", "1")) => Ok(Self::Move),
            Some(("udp", rest)) => match rest.strip_prefix('@') {
                Some(name) => Ok(Self::Service { name: name.parse()?, udp: true }),
                None => Ok(Self::Udp(rest.parse()?)),
            },
            Some(("unix", rest)) => Ok(Self::Unix(SocketPath::new(format!("/{rest}"))?)),
            Some(("for", rest)) => Ok(Self::Client(rest.parse()?)),
            Some(_) => Err(DestinationError::Scheme),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => Ok(()),
            Self::Tcp(target) => target.fmt(f),
            Self::Udp(target) => write!(f, "udp/{target}"),
            Self::Unix(path) => write!(f, "unix{path}"),
            Self::Service { name, udp: false } => write!(f, "@{name}"),
            Self::Service { name, udp: true } => write!(f, "udp/@{name}"),
            Self::Control => f.write_str("ctl/1"),
            Self::Check => f.write_str("check/1"),
            Self::Move => f.write_str("move/1"),
            Self::Client(client) => write!(f, "for/{client}"),
        }
    }
}

impl From<Target> for Destination {
    fn from(target: Target) -> Self {
        Self::Tcp(target)
    }
}

impl FromStr for Client {
    type Err = DestinationError;

    /// Reads what stands behind `for/`.
    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let wrong = DestinationError::Client;
        let mut parts = text.split(',').peekable();
        let id = parts.next().unwrap_or_default();
        let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let registration = id.parse().ok().filter(|_| is_number).ok_or(wrong)?;
        let mut value =
            |key: &str| parts.next_if(|part| part.starts_with(key)).map(|part| &part[key.len()..]);
        let ticket = value("ticket=").map(str::parse).transpose().map_err(|_| wrong)?;
        let from = value("from=").map(str::parse).transpose().map_err(|_| wrong)?;
        let udp = value("udp").map(str::is_empty);
        match (udp, parts.next()) {
            (Some(false), _) | (_, Some(_)) => Err(wrong),
            (udp, None) => Ok(Self { registration, ticket, from, udp: udp.is_some() }),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registration, ticket, from, udp } = self;
        write!(f, "{registration}")?;
        if let Some(ticket) = ticket {
            write!(f, ",ticket={ticket}")?;
        }
        if let Some(from) = from {
            write!(f, ",from={from}")?;
        }
        if *udp { f.write_str(",udp") } else { Ok(()) }
    }
}

impl ServiceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = DestinationError;

    /// Reads a name, of upper case letters too.
    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let is_name = begins && text.len() <= MAX_NAME_LEN && text.bytes().all(allowed);
        if is_name { Ok(Self(text.to_ascii_lowercase())) } else { Err(DestinationError::Name) }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl SocketPath {
    /// The path, if it can be one.
    ///
    /// # Errors
    /// [`DestinationError::Path`].
    pub fn new(path: impl Into<String>) -> Result<Self, DestinationError> {
        let path = path.into();
        let is_plain = path.starts_with('/') && path.len() <= MAX_PATH_LEN && !path.contains('\0');
        let mut parts = path.split('/').skip(1);
        if is_plain && parts.all(|part| !matches!(part, "" | "." | "..")) {
            Ok(Self(path))
        } else {
            Err(DestinationError::Path)
        }
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl TryFrom<PathBuf> for SocketPath {
    type Error = DestinationError;

    /// An absolute path as a user writes it.
    fn try_from(path: PathBuf) -> Result<Self, DestinationError> {
        // `components` drops what is doubled; `..` stays, since a link before it may lead anywhere.
        let parts: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        Self::new(parts.to_str().ok_or(DestinationError::Path)?)
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_has_one_text() {
        let good = [
            ("", ""),
            ("Example.com:80", "example.com:80"),
            ("udp/[0::1]:53", "udp/[::1]:53"),
            ("unix/run/x.sock", "unix/run/x.sock"),
            ("@Files", "@files"),
            ("udp/@dns", "udp/@dns"),
            ("ctl/1", "ctl/1"),
            ("move/1", "move/1"),
            ("check/1", "check/1"),
            ("for/7", "for/7"),
            ("for/7,udp", "for/7,udp"),
            ("for/7,ticket=Laptop,from=[::1]:80,udp", "for/7,ticket=Laptop,from=[::1]:80,udp"),
        ];
        for (text, canonical) in good {
            let destination: Destination = text.parse().expect(text);
            assert_eq!(destination.to_string(), canonical);
            assert_eq!(Destination::from_wire(&destination.to_wire()), Ok(destination));
        }
    }

    #[test]
    fn bad_ones_are_named() {
        use DestinationError as Error;
        let long = format!("unix/{}", "a".repeat(MAX_PATH_LEN));
        let bad = [
            ("host", Error::Target(TargetError::NoPort)),
            ("udp/host", Error::Target(TargetError::NoPort)),
            ("tcp/host:80", Error::Scheme),
            ("ctl/2", Error::Scheme),
            ("check/2", Error::Scheme),
            ("/run/x.sock", Error::Scheme),
            ("@", Error::Name),
            ("@-a", Error::Name),
            ("@a b", Error::Name),
            ("@a/b", Error::Name),
            ("@.", Error::Name),
            ("unix/", Error::Path),
            ("unix/run//x", Error::Path),
            ("unix/run/../x", Error::Path),
            ("unix/./x", Error::Path),
            ("unix/run/x/", Error::Path),
            ("unix/run/x\0", Error::Path),
            (&long, Error::Path),
            ("for/", Error::Client),
            ("for/+1", Error::Client),
            ("for/4294967296", Error::Client),
            ("for/1,from=here", Error::Client),
            ("for/1,udp,from=127.0.0.1:1", Error::Client),
            ("for/1,udpx", Error::Client),
            ("for/1,", Error::Client),
            ("for/1,ticket=a b", Error::Client),
        ];
        for (text, error) in bad {
            assert_eq!(text.parse::<Destination>(), Err(error), "{text:?}");
        }
        assert_eq!(Destination::from_wire(b"@\xff"), Err(Error::NotText));
    }

    #[test]
    fn paths_that_users_write_are_brought_into_their_form() {
        let path = |text: &str| SocketPath::try_from(PathBuf::from(text)).map(|path| path.to_string());
        assert_eq!(path("/run//x.sock"), Ok("/run/x.sock".into()));
        assert_eq!(path("/run/./x.sock/"), Ok("/run/x.sock".into()));
        for wrong in ["x.sock", "/run/../x", "/", ""] {
            assert_eq!(path(wrong), Err(DestinationError::Path), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again_the_same(text in "(udp/|unix/|@|for/)?[a-zA-Z0-9:._,=\\[\\]@/-]{0,60}") {
            if let Ok(destination) = text.parse::<Destination>() {
                prop_assert!(destination.to_wire().len() <= MAX_LEN);
                prop_assert_eq!(destination.to_string().parse(), Ok(destination));
            }
        }

        #[test]
        fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Destination::from_wire(&bytes);
        }
    }
}
