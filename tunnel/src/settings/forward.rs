//! What a link carries for those at an end of it: clients to the other end, and the other end's streams to targets.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use proto::destination::{Destination, ServiceName};

use crate::address::{HostPort, Listen};
use crate::rules::Rules;
use crate::visible::visible;

/// Clients that come here are carried over the link.
///
/// ```
/// use paso_tunnel::settings::{Destination, Forward};
/// use paso_tunnel::address::Listen;
///
/// let forward: Forward = "8080:@files".parse().unwrap();
/// assert_eq!(forward, Forward::to(Listen::loopback(8080), "@files".parse::<Destination>().unwrap()));
/// let datagrams: Forward = "127.0.0.1:5353:9.9.9.9:53/udp".parse().unwrap();
/// assert_eq!(datagrams.to_string(), "127.0.0.1:5353:9.9.9.9:53/udp");
/// assert!("8000-8010:web.example:8000-8010".parse::<Forward>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where clients come.
    pub listen: ListenOn,
    /// Where they are carried to.
    pub to: CarryTo,
    /// Who the client is, told to the target before its first byte.
    pub proxy_protocol: Option<ProxyProtocol>,
}

/// Where the clients of a forward are carried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarryTo {
    /// All of them to the same.
    Destination(Destination),
    /// Each to the host and port that it asks for, as a client of a SOCKS5 or HTTP proxy does.
    AskedFor,
}

/// Clients that come to the other end are carried to a target of this end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverse {
    /// Where the other end takes them.
    pub at: ReverseAt,
    /// What is dialled here.
    pub to: ReverseTo,
    /// Who the client is, told to the target before its first byte.
    pub proxy_protocol: Option<ProxyProtocol>,
}

/// Where the other end takes clients for this one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReverseAt {
    /// At an address or a Unix socket of its machine.
    Listen(ListenOn),
    /// Under a name, for all that may use it.
    Publish(ServiceName),
}

/// What this end dials for the clients that come to the other one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReverseTo {
    /// A TCP target.
    Tcp(HostPort),
    /// A target that takes datagrams.
    Udp(HostPort),
    /// A Unix socket of this machine.
    Unix(PathBuf),
    /// What the client asks for, as a client of a SOCKS5 or HTTP proxy does.
    AskedFor,
}

/// How a target is told who its client is: the header of the PROXY protocol (haproxy, `doc/proxy-protocol.txt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyProtocol {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

impl Forward {
    /// From a TCP port here to the other end's own target.
    pub fn plain(listen: Listen) -> Self {
        Self::to(listen, Destination::Own)
    }

    /// To a destination of the other end.
    pub fn to(listen: impl Into<ListenOn>, destination: impl Into<Destination>) -> Self {
        let to = CarryTo::Destination(destination.into());
        Self { listen: listen.into(), to, proxy_protocol: None }
    }
}

/// What an end does for the other one, as far as its ticket has no rules of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Dialled for streams that name no target, and for those that name it, if the rules have `dial:target`.
    pub target: Option<HostPort>,
    /// What is allowed. Default: nothing.
    pub rules: Rules,
}

impl Allow {
    /// One target, named or not.
    pub fn only(target: HostPort) -> Self {
        Self { target: Some(target), rules: Rules::target() }
    }

    /// Whether nothing is done.
    pub fn is_nothing(&self) -> bool {
        self.rules.is_empty()
    }
}

/// Where clients come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenOn {
    /// A TCP port.
    Tcp(Listen),
    /// A UDP port: each address that sends datagrams to it is a client.
    Udp(Listen),
    /// A Unix socket: a file that is made for it, for its owner alone (mode 0600). There is no RST on one: a stream that is
    /// reset looks to its client as if it had ended.
    Unix(PathBuf),
    /// Standard input and output of this process: one client.
    Stdio,
}

impl From<Listen> for ListenOn {
    fn from(listen: Listen) -> Self {
        Self::Tcp(listen)
    }
}

impl From<SocketAddr> for ListenOn {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.into())
    }
}

impl fmt::Display for ListenOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listen) => listen.fmt(f),
            Self::Udp(listen) => write!(f, "{listen}/udp"),
            Self::Unix(path) => f.write_str(&visible(&path.to_string_lossy())),
            Self::Stdio => f.write_str("standard input"),
        }
    }
}

impl Reverse {
    /// Whether what its clients send is datagrams.
    pub const fn takes_datagrams(&self) -> bool {
        matches!(self.to, ReverseTo::Udp(_))
    }
}

impl fmt::Display for ReverseAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(listen) => listen.fmt(f),
            Self::Publish(name) => write!(f, "@{name}"),
        }
    }
}

impl fmt::Display for ReverseTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(target) => target.fmt(f),
            Self::Udp(target) => write!(f, "{target}/udp"),
            Self::Unix(path) => f.write_str(&visible(&path.to_string_lossy())),
            Self::AskedFor => f.write_str("what its clients ask for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They stand in the log, and on the terminal of `paso status`.
    #[test]
    fn a_path_cannot_play_with_the_terminal() {
        let path = PathBuf::from("/run/\u{1b}[2J\n\u{202e}x.socket");
        let shown = "/run/?[2J??x.socket";
        assert_eq!(ListenOn::Unix(path.clone()).to_string(), shown);
        assert_eq!(ReverseTo::Unix(path).to_string(), shown);
    }
}
