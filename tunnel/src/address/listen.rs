//! Where a program listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use super::{AddressError, Host, HostPort, ResolveError};

/// Where to listen: `[ADDR:]PORT`. A bare port means the IPv4 loopback address; port 0 means any free one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// The local machine's address or name.
    pub host: Host,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl Listen {
    /// A port of the loopback interface, 0 for any free one.
    pub const fn loopback(port: u16) -> Self {
        Self { host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), port }
    }

    /// The address to bind.
    ///
    /// # Errors
    /// [`ResolveError`] if the host is a name and unknown.
    pub async fn resolve(&self) -> Result<SocketAddr, ResolveError> {
        let all = HostPort { host: self.host.clone(), port: self.port }.resolve().await?;
        Ok(*all.first().expect("a resolved name has an address"))
    }
}

impl FromStr for Listen {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let port = |text: &str| text.parse().map_err(|_| AddressError::Port(text.into()));
        let Some((host, after)) = text.rsplit_once(':') else {
            return Ok(Self::loopback(port(text)?));
        };
        if host.contains(':') && !host.starts_with('[') {
            return Err(AddressError::Colons(text.into()));
        }
        let port = port(after)?;
        if host.is_empty() || host == "*" {
            return Err(AddressError::Anywhere(text.into(), port.to_string()));
        }
        Ok(Self { host: host.parse()?, port })
    }
}

/// Where to listen, with further ports on the same address: `[ADDR:]PORT[,PORT…]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListenPorts {
    /// The first.
    pub first: Listen,
    /// The others; 0 is any free one.
    pub also: Vec<u16>,
}

impl FromStr for ListenPorts {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (first, also) = text.split_once(',').map_or((text, None), |(first, also)| (first, Some(also)));
        let port = |text: &str| text.parse().map_err(|_| AddressError::Port(text.into()));
        let also = also.map(|also| also.split(',').map(port).collect()).transpose()?;
        Ok(Self { first: first.parse()?, also: also.unwrap_or_default() })
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Ip(address.ip()), port: address.port() }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
