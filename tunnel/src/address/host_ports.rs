//! A machine and the ports at which something may be there: where proxy1 looks for proxy2.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use proto::ticket::place::Place;

use super::{AddressError, Host, HostPort, ResolveError, parse_port};

/// The most ports in a list: as many as a ticket can carry for one machine.
pub const MAX_PORTS: usize = proto::ticket::place::MAX_PORTS;

/// Ports of one machine in the order in which they are tried: 1 to [`MAX_PORTS`], each from 1 to 65535, none twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ports(Vec<u16>);

impl Ports {
    /// The ports.
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }
}

impl FromStr for Ports {
    type Err = AddressError;

    /// Reads `PORT[,PORT…]`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut ports = Vec::new();
        for word in text.split(',') {
            let port = parse_port(word)?;
            if ports.contains(&port) {
                return Err(AddressError::Twice(port));
            }
            ports.push(port);
        }
        if ports.len() > MAX_PORTS {
            return Err(AddressError::Many(ports.len()));
        }
        Ok(Self(ports))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, port) in self.0.iter().enumerate() {
            write!(f, "{}{port}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// A machine and its ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPorts {
    /// The machine.
    pub host: Host,
    /// The ports, the first to try first.
    pub ports: Ports,
}

impl HostPorts {
    /// Every address of the machine with every port: all addresses with the first port, then with the next. Never empty.
    ///
    /// # Errors
    /// As [`HostPort::resolve`].
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, ResolveError> {
        Ok(self.with_ports(&self.with_first_port().resolve().await?))
    }

    /// As [`resolve`](Self::resolve), and waits for a silent name service for 4 s at the most.
    ///
    /// # Errors
    /// As [`HostPort::resolve`].
    pub(crate) async fn resolve_at_start(&self) -> Result<Vec<SocketAddr>, ResolveError> {
        Ok(self.with_ports(&self.with_first_port().resolve_at_start().await?))
    }

    /// The addresses, if the machine is given by one.
    pub fn literal(&self) -> Option<Vec<SocketAddr>> {
        match self.host {
            Host::Ip(ip) => Some(self.with_ports(&[SocketAddr::new(ip, 0)])),
            Host::Name(_) => None,
        }
    }

    /// Whether the address can change: it is a name.
    pub fn is_name(&self) -> bool {
        matches!(self.host, Host::Name(_))
    }

    /// The machine with the port that is tried first.
    pub(crate) fn with_first_port(&self) -> HostPort {
        HostPort { host: self.host.clone(), port: self.ports.0.first().copied().unwrap_or_default() }
    }

    fn with_ports(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let with = |port: &u16| {
            let port = *port;
            addresses.iter().map(move |address| {
                let mut address = *address;
                address.set_port(port);
                address
            })
        };
        self.ports.0.iter().flat_map(with).collect()
    }
}

impl FromStr for HostPorts {
    type Err = AddressError;

    /// Reads `HOST:PORT[,PORT…]`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, ports) = split_port(text)?;
        Ok(Self { host: host.parse()?, ports: ports.parse()? })
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    /// Reads `HOST:PORT`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = split_port(text)?;
        Ok(Self { host: host.parse()?, port: parse_port(port)? })
    }
}

/// The host and what follows its colon.
fn split_port(text: &str) -> Result<(&str, &str), AddressError> {
    let (host, ports) = text.rsplit_once(':').ok_or_else(|| AddressError::NoPort(text.into()))?;
    if host.contains(':') && !host.starts_with('[') {
        return Err(AddressError::Colons(text.into()));
    }
    Ok((host, ports))
}

impl fmt::Display for HostPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.ports)
    }
}

impl From<&Place> for HostPorts {
    fn from(place: &Place) -> Self {
        Self { host: place.host().into(), ports: Ports(place.ports().to_vec()) }
    }
}

impl From<HostPort> for HostPorts {
    fn from(one: HostPort) -> Self {
        Self { host: one.host, ports: Ports(vec![one.port]) }
    }
}

impl From<SocketAddr> for HostPorts {
    fn from(address: SocketAddr) -> Self {
        HostPort::from(address).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ports_is_read_and_its_mistakes_named() {
        let ports: Ports = "5000,443,53".parse().unwrap();
        assert_eq!((ports.as_slice(), ports.to_string().as_str()), (&[5000, 443, 53][..], "5000,443,53"));
        for (text, named) in [
            ("443,0", "'0'"),
            ("443,,53", "''"),
            ("443,53,443", "443 is given twice"),
            ("1,2,3,4,5,6,7,8,9", "9 ports"),
            ("+443", "'+443'"),
        ] {
            let error = text.parse::<Ports>().unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn host_and_ports_may_be_one_word() {
        let text = |text: &str| text.parse::<HostPorts>().map(|place| place.to_string());
        assert_eq!(text("exit.example:5000,443").unwrap(), "exit.example:5000,443");
        assert_eq!(text("[2001:db8::1]:53").unwrap(), "[2001:db8::1]:53");
        assert_eq!(text("exit.example"), Err(AddressError::NoPort("exit.example".into())));
        assert_eq!(text("2001:db8::1"), Err(AddressError::Colons("2001:db8::1".into())));
        assert_eq!("web:80".parse::<HostPort>().unwrap().to_string(), "web:80");
        assert_eq!("web:80,81".parse::<HostPort>(), Err(AddressError::Unreachable("80,81".into())));
    }

    #[tokio::test]
    async fn all_addresses_come_with_the_first_port_first() {
        let place = HostPorts { host: "192.0.2.1".parse().unwrap(), ports: "5000,443".parse().unwrap() };
        let expected: Vec<SocketAddr> =
            ["192.0.2.1:5000", "192.0.2.1:443"].map(|a| a.parse().unwrap()).into();
        assert_eq!((place.resolve().await.unwrap(), place.literal().unwrap()), (expected.clone(), expected));
        assert_eq!(place.to_string(), "192.0.2.1:5000,443");
    }
}
