//! Addresses as people write them on a command line, parsed once at the edge.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use proto::target::{self, Target};
use tokio::time::timeout;

mod host_ports;
mod listen;

pub use host_ports::{HostPorts, MAX_PORTS, Ports};
pub use listen::{Listen, ListenPorts};

use crate::descriptors;

/// Why a text is not an address. Each message tells what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The port is missing or no number from 0 to 65535.
    #[error("'{0}' is not a port: write a number from 0 to 65535")]
    Port(String),
    /// An IPv6 address without its brackets.
    #[error("'{0}' has too many colons: write an IPv6 address in brackets, like [::1]:5000")]
    Colons(String),
    /// Brackets that hold no IPv6 address.
    #[error("'{0}' is not an IPv6 address in brackets: write it like [::1]:5000")]
    Brackets(String),
    /// Nothing where a host should be.
    #[error("the host is missing: write an IPv4 address, an IPv6 address or a host name")]
    NoHost,
    /// A host that is neither an address nor something a name service could know.
    #[error("'{0}' is not a host: write an IPv4 address, an IPv6 address or a host name")]
    Host(String),
    /// Nothing, or the `*` of other programs, where an address to listen on is wanted.
    #[error(
        "'{0}' names no address: write 0.0.0.0:{1} for all IPv4 addresses of this machine, [::]:{1} for all, or {1} for this \
         machine alone"
    )]
    Anywhere(String, String),
    /// A host with its port behind a colon, where the port is a word of its own.
    #[error("'{0}' is a host and a port: write them as two words")]
    HostAndPort(String),
    /// A host without its port.
    #[error("'{0}' has no port: write HOST:PORT")]
    NoPort(String),
    /// No port from 1 to 65535, where something must be reached.
    #[error("'{0}' is not a port that can be reached: write a number from 1 to 65535")]
    Unreachable(String),
    /// A port stands twice in a list.
    #[error("port {0} is given twice: write it once")]
    Twice(u16),
    /// A list has too many ports.
    #[error("a list has at most {MAX_PORTS} ports, and this one has {0} ports")]
    Many(usize),
}

/// A machine: an address, or a name that is looked up when it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A name for the system's resolver.
    Name(String),
}

impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(rest) = text.strip_prefix('[') {
            let inner = rest.strip_suffix(']').ok_or_else(|| AddressError::Brackets(text.into()))?;
            if is_zoned(inner) {
                return Ok(Self::Name(inner.into()));
            }
            let ip: Ipv6Addr = inner.parse().map_err(|_| AddressError::Brackets(text.into()))?;
            return Ok(Self::Ip(IpAddr::from(ip).to_canonical()));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(ip.to_canonical()));
        }
        if is_zoned(text) {
            return Ok(Self::Name(text.into()));
        }
        if text.is_empty() {
            return Err(AddressError::NoHost);
        }
        let plausible = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        let digits_only = text.chars().all(|c| c.is_ascii_digit() || c == '.');
        if text.len() <= 253 && !digits_only && text.chars().all(plausible) {
            return Ok(Self::Name(text.into()));
        }
        let two = text
            .rsplit_once(':')
            .is_some_and(|(host, ports)| host.parse::<Self>().is_ok() && ports.parse::<Ports>().is_ok());
        Err(if two { AddressError::HostAndPort(text.into()) } else { AddressError::Host(text.into()) })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Name(name) if is_zoned(name) => write!(f, "[{name}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether this is an IPv6 address with a zone, `fe80::1%eth0` (RFC 4007 section 11). The system's resolver knows the number of
/// the interface, which may come and go.
fn is_zoned(text: &str) -> bool {
    text.split_once('%').is_some_and(|(ip, zone)| ip.parse::<Ipv6Addr>().is_ok() && !zone.is_empty())
}

/// Whether an address stands for one machine that can be reached: not for several, nor for all of one's own. The system may answer a
/// send to any other with an error that says nothing of the path.
pub fn is_of_one_machine(ip: IpAddr) -> bool {
    let is_v4_special = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] == 0);
    !ip.is_unspecified() && !ip.is_multicast() && !is_v4_special
}

/// A port to connect to or to send to: 1 to 65535.
///
/// # Errors
/// [`AddressError::Unreachable`].
pub fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port > 0 && digits);
    port.ok_or_else(|| AddressError::Unreachable(text.into()))
}

/// A host and a port that something is sent or dialled to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The machine.
    pub host: Host,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl HostPort {
    /// Every address the host has now, of either family in turn (RFC 8305 section 4), IPv4 first: a proxy2 that was given a
    /// bare port listens on 127.0.0.1, and `localhost` would otherwise lead to `::1`. Never empty.
    ///
    /// # Errors
    /// [`ResolveError`] if the name is unknown or the resolver cannot be asked.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, ResolveError> {
        let name = match &self.host {
            Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, self.port)]),
            Host::Name(name) => name,
        };
        let found = tokio::net::lookup_host((name.as_str(), self.port)).await;
        let mut found: Vec<_> = found.map_err(|source| ResolveError::new(name, &source))?.collect();
        for address in &mut found {
            if let IpAddr::V4(ip) = address.ip().to_canonical() {
                address.set_ip(ip.into());
            }
        }
        found.dedup();
        let found = in_turn(found);
        if found.is_empty() {
            let reason = "it has no address".into();
            return Err(ResolveError { name: name.clone(), reason, no_descriptor: false });
        }
        Ok(found)
    }

    /// As [`resolve`](Self::resolve), for the start of a program, which a silent name service must not hold up for long.
    ///
    /// # Errors
    /// [`ResolveError`]: see [`ResolveError::is_answer`].
    pub(crate) async fn resolve_at_start(&self) -> Result<Vec<SocketAddr>, ResolveError> {
        /// A resolver asks again after 5 s, and gives up after 10 to 30 s.
        const PATIENCE: Duration = Duration::from_secs(4);
        let silent = |_| {
            Err(ResolveError {
                name: self.host.to_string(),
                reason: "the name service does not answer".into(),
                no_descriptor: false,
            })
        };
        timeout(PATIENCE, self.resolve()).await.unwrap_or_else(silent)
    }

    /// Whether it is on this machine, as far as that shows.
    pub(crate) fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => name == "localhost",
        }
    }

    /// Whether the address can change: it is a name.
    pub fn is_name(&self) -> bool {
        matches!(self.host, Host::Name(_))
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl From<&target::Host> for Host {
    fn from(host: &target::Host) -> Self {
        match host {
            target::Host::Ip(ip) => Self::Ip(*ip),
            target::Host::Name(name) => Self::Name(name.as_str().into()),
        }
    }
}

impl From<&Target> for HostPort {
    fn from(target: &Target) -> Self {
        Self { host: target.host().into(), port: target.port() }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Ip(address.ip()), port: address.port() }
    }
}

/// Addresses of either family in turn, IPv4 first, else in their order.
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv4);
    let place = |family: usize| move |(place, address)| (2 * place + family, address);
    let mut placed: Vec<(usize, SocketAddr)> =
        v4.into_iter().enumerate().map(place(0)).chain(v6.into_iter().enumerate().map(place(1))).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, address)| address).collect()
}

/// A host name that led to no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host '{name}' cannot be found ({reason}): check its spelling and this machine's name service")]
pub struct ResolveError {
    /// The name that was looked up.
    pub name: String,
    /// What the resolver said.
    pub reason: String,
    /// It could not be asked for want of descriptors: nothing is known of the name.
    pub no_descriptor: bool,
}

impl ResolveError {
    /// Whether the name service has answered that there is no such name, or that it has no address. Otherwise it could not be asked,
    /// and may know the name later.
    ///
    /// The standard library keeps only the text of `gai_strerror(3)`, in English, since nothing sets a locale here. glibc and musl say
    /// these after an answer only; macOS and Windows say the same of a name that is unknown and of a network that is down, so there
    /// nothing is taken for an answer.
    pub fn is_answer(&self) -> bool {
        const ANSWERS: [&str; 6] = [
            "it has no address",
            // glibc: EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY.
            "Name or service not known",
            "No address associated with hostname",
            "Address family for hostname not supported",
            // musl: EAI_NONAME, EAI_NODATA.
            "Name does not resolve",
            "Name has no usable address",
        ];
        // The interface of a zone may come later.
        if is_zoned(&self.name) {
            return false;
        }
        // RFC 6761 section 6.4: there is no need to ask for such a name.
        let is_never_known = self.name.trim_end_matches('.').ends_with(".invalid");
        is_never_known || !self.no_descriptor && ANSWERS.iter().any(|answer| self.reason.ends_with(answer))
    }

    fn new(name: &str, source: &io::Error) -> Self {
        // Before it has read its own settings, glibc's resolver says that it does not know the name when it cannot open them.
        let no_descriptor = descriptors::is_exhaustion(source) || descriptors::are_used_up();
        let reason = if no_descriptor { "no descriptor is left".into() } else { source.to_string() };
        Self { name: name.to_owned(), reason, no_descriptor }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn listen(text: &str) -> Result<String, AddressError> {
        text.parse::<Listen>().map(|l| l.to_string())
    }

    #[test]
    fn a_bare_port_is_loopback() {
        assert_eq!(listen("5000").unwrap(), "127.0.0.1:5000");
        assert_eq!(listen("0").unwrap(), "127.0.0.1:0");
    }

    #[test]
    fn the_three_kinds_of_host_are_understood() {
        assert_eq!(listen("0.0.0.0:5000").unwrap(), "0.0.0.0:5000");
        assert_eq!(listen("[::1]:5000").unwrap(), "[::1]:5000");
        assert_eq!(listen("box.example:5000").unwrap(), "box.example:5000");
        assert_eq!("::1".parse::<Host>(), Ok(Host::Ip(Ipv6Addr::LOCALHOST.into())));
        assert_eq!("[::1]".parse::<Host>(), Ok(Host::Ip(Ipv6Addr::LOCALHOST.into())));
        assert_eq!("localhost".parse::<Host>(), Ok(Host::Name("localhost".into())));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_is_that_ipv4_address() {
        for text in ["::ffff:127.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1"] {
            assert_eq!(text.parse::<Host>(), Ok(Host::Ip(Ipv4Addr::LOCALHOST.into())), "{text}");
        }
    }

    #[tokio::test]
    async fn an_address_may_have_a_zone() {
        assert_eq!(listen("[fe80::1%eth0]:5000").unwrap(), "[fe80::1%eth0]:5000");
        for wrong in ["fe80::1%", "%eth0", "127.0.0.1%eth0"] {
            assert_eq!(wrong.parse::<Host>(), Err(AddressError::Host(wrong.into())));
        }
        let host: Host = "fe80::1%lo".parse().unwrap();
        let found = HostPort { host, port: 9 }.resolve().await;
        if cfg!(target_os = "linux") {
            assert!(matches!(found.unwrap().as_slice(), [SocketAddr::V6(ip)] if ip.scope_id() > 0));
        }
    }

    #[test]
    fn an_answer_is_told_apart_from_a_name_service_that_cannot_be_asked() {
        let error = |name: &str, reason: &str, no_descriptor| {
            let reason = format!("failed to lookup address information: {reason}");
            ResolveError { name: name.into(), reason, no_descriptor }
        };
        for answer in
            ["Name or service not known", "No address associated with hostname", "Name does not resolve"]
        {
            assert!(error("exit.example", answer, false).is_answer(), "{answer}");
            assert!(!error("exit.example", answer, true).is_answer(), "{answer}");
        }
        for reason in [
            "Temporary failure in name resolution",
            "Non-recoverable failure in name resolution",
            "Try again",
        ] {
            assert!(!error("exit.example", reason, false).is_answer(), "{reason}");
            assert!(error("exit.invalid", reason, false).is_answer(), "{reason}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(listen("http"), Err(AddressError::Port("http".into())));
        assert_eq!(listen("70000"), Err(AddressError::Port("70000".into())));
        assert_eq!(listen("1.2.3.4:"), Err(AddressError::Port("".into())));
        assert_eq!(listen("::1:5000"), Err(AddressError::Colons("::1:5000".into())));
        assert_eq!(listen("[::g]:1"), Err(AddressError::Brackets("[::g]".into())));
        assert_eq!(listen("1.2.3:1"), Err(AddressError::Host("1.2.3".into())));
        assert_eq!(listen("a b:1"), Err(AddressError::Host("a b".into())));
        assert_eq!(listen(":1"), Err(AddressError::Anywhere(":1".into(), "1".into())));
        assert_eq!("box:5000".parse::<Host>(), Err(AddressError::HostAndPort("box:5000".into())));
        assert_eq!("1.2.3.4:5000".parse::<Host>(), Err(AddressError::HostAndPort("1.2.3.4:5000".into())));
        assert_eq!("box:".parse::<Host>(), Err(AddressError::Host("box:".into())));
        assert_eq!(parse_port("0"), Err(AddressError::Unreachable("0".into())));
        assert_eq!(parse_port("-1"), Err(AddressError::Unreachable("-1".into())));
    }
}
