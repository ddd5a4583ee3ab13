//! Where a rule lets somebody dial or listen.

use std::fmt;

use proto::destination::SocketPath;
use proto::target::{Name, TargetError};

use super::cidr::Cidr;
use super::error::RuleFault;
use super::ports::{PortSet, Protocol};

/// `HOST:PORTS`, `HOST:PORTS/udp`, `unix:PATH` or `target`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The exit's own target: `target`.
    Target,
    /// Ports of hosts.
    Ports {
        /// The hosts.
        host: HostPattern,
        /// Their ports.
        ports: PortSet,
        /// What is carried.
        protocol: Protocol,
    },
    /// Unix sockets.
    Unix(UnixPattern),
}

/// Hosts of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// The host of the exit's own target, whatever its addresses are: `target`.
    Target,
    /// Public addresses, by whatever name; for listening each address: `*`.
    Any,
    /// Private addresses, by whatever name: `private`.
    Private,
    /// A name, which may lead to any address but a link-local one and one of a metadata service.
    Name(Name),
    /// Names below this one at public addresses: `*.example.com`.
    Below(Name),
    /// These addresses, by whatever name.
    Net(Cidr),
}

/// Unix sockets of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnixPattern {
    /// This one.
    Socket(SocketPath),
    /// Those in this folder, but not in folders in it: `/run/app/*`. `None`: in the root.
    In(Option<SocketPath>),
}

impl Place {
    /// Reads what stands behind `dial:` or `listen:`.
    pub(super) fn read(text: &str) -> Result<Self, RuleFault> {
        if let Some(path) = text.strip_prefix("unix:") {
            return UnixPattern::read(path).map(Self::Unix);
        }
        let (text, protocol) =
            text.strip_suffix("/udp").map_or((text, Protocol::Tcp), |text| (text, Protocol::Udp));
        if text.eq_ignore_ascii_case("target") {
            return if protocol == Protocol::Udp { Err(RuleFault::TargetUdp) } else { Ok(Self::Target) };
        }
        let split = text.rsplit_once(':').filter(|(host, ports)| !ports.contains(']') && !host.is_empty());
        let (host, ports) = split.ok_or_else(|| RuleFault::NoPorts(text.into()))?;
        Ok(Self::Ports { host: HostPattern::read(host)?, ports: ports.parse()?, protocol })
    }
}

impl HostPattern {
    fn read(text: &str) -> Result<Self, RuleFault> {
        if let Some(cidr) = Cidr::read(text) {
            return cidr.map(Self::Net);
        }
        match text.to_ascii_lowercase().as_str() {
            "*" => return Ok(Self::Any),
            "private" => return Ok(Self::Private),
            "target" => return Ok(Self::Target),
            _ => {}
        }
        let name = |text: &str| name(text).map_err(|error| RuleFault::Host { host: text.into(), error });
        match text.strip_prefix("*.") {
            Some(below) if !below.contains('*') => name(below).map(Self::Below),
            _ if text.contains('*') => Err(RuleFault::Star(text.into())),
            _ => name(text).map(Self::Name),
        }
    }
}

/// A name as it is compared: in lower case, without the dot of the root.
fn name(text: &str) -> Result<Name, TargetError> {
    if text.contains([':', '[', ']']) {
        return Err(TargetError::Brackets);
    }
    text.strip_suffix('.').unwrap_or(text).parse()
}

impl UnixPattern {
    fn read(path: &str) -> Result<Self, RuleFault> {
        let wrong = || RuleFault::Path(path.into());
        // Stars elsewhere would be read as patterns, and are none.
        let (folder, is_folder) = path.strip_suffix("/*").map_or((path, false), |folder| (folder, true));
        if folder.contains('*') {
            return Err(wrong());
        }
        match (folder, is_folder) {
            ("", true) => Ok(Self::In(None)),
            (folder, true) => {
                SocketPath::new(folder).map(|folder| Self::In(Some(folder))).map_err(|_| wrong())
            }
            (socket, false) => SocketPath::new(socket).map(Self::Socket).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("target"),
            Self::Ports { host, ports, protocol: Protocol::Tcp } => write!(f, "{host}:{ports}"),
            Self::Ports { host, ports, protocol: Protocol::Udp } => write!(f, "{host}:{ports}/udp"),
            Self::Unix(UnixPattern::Socket(path)) => write!(f, "unix:{path}"),
            Self::Unix(UnixPattern::In(None)) => f.write_str("unix:/*"),
            Self::Unix(UnixPattern::In(Some(folder))) => write!(f, "unix:{folder}/*"),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("target"),
            Self::Any => f.write_str("*"),
            Self::Private => f.write_str("private"),
            Self::Name(name) => f.write_str(name.as_str()),
            Self::Below(name) => write!(f, "*.{}", name.as_str()),
            Self::Net(cidr) => cidr.fmt(f),
        }
    }
}
