//! Forwards as they are written on a command line: OpenSSH's spellings, and what they lack.
//!
//! | option | text |
//! | --- | --- |
//! | `-L` | `[BIND:]PORT:HOST:PORT`, `[BIND:]PORT:/SOCKET`, `[BIND:]PORT:@NAME`, `[BIND:]PORT` (the other end's own target); `/SOCKET` in the place of `[BIND:]PORT` |
//! | `-R` | the same with the sides exchanged, but no `@NAME`; `[BIND:]PORT` or `/SOCKET` alone is a proxy port of the other end (reverse SOCKS) |
//! | `-D` | `[BIND:]PORT` or `/SOCKET`: a proxy port of this end |
//! | `-W` | `HOST:PORT`, `@NAME` or `/SOCKET`: standard input and output |
//! | `--publish` | `NAME=HOST:PORT`, `NAME=PORT` (of localhost) or `NAME=/SOCKET` |
//!
//! A port without BIND is one of the loopback interface; an empty BIND or `*` is all interfaces. An IPv6 address stands in brackets.
//! `PORT` may be a range, `8000-8010`, which leads to a range of the same length. `/udp` at the end makes it datagrams.
//! `,proxy-protocol=v1` or `v2` behind that tells the target who its client is. In a path `\` stands before a `:`, `,` or `\` of its own.
//!
//! What is read is written again by the `Display` of [`Forward`] and [`Reverse`].

mod distinct;
mod error;
mod fields;
mod write;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use proto::destination::{Destination, ServiceName, SocketPath};

use self::error::Problem;
use self::fields::{Field, PortRange, Words};
use super::forward::{CarryTo, Forward, ListenOn, ProxyProtocol, Reverse, ReverseAt, ReverseTo};
use crate::address::{Host, HostPort, Listen};

pub use self::distinct::{SameAddress, Which, check_distinct};
pub use self::error::SpellingError;

/// The most ports in a range.
pub const MAX_RANGE: usize = 1_024;

/// Reads the text of `-L`: clients that come here are carried to the other end. One forward for each port of a range.
///
/// # Errors
/// [`SpellingError`] names the part that is wrong.
pub fn local(text: &str) -> Result<Vec<Forward>, SpellingError> {
    let read = || {
        let words = Words::read(text)?;
        let (near, far) = ends(&words.fields)?;
        let proxy_protocol = words.proxy_protocol;
        let pairs = near.listens(&far, words.udp)?.into_iter().map(|(listen, far)| {
            let to = CarryTo::Destination(far.destination(words.udp)?);
            Ok(Forward { listen, to, proxy_protocol })
        });
        pairs.collect::<Result<_, Problem>>()
    };
    read().map_err(|problem| SpellingError::new("-L", text, problem))
}

impl FromStr for Forward {
    type Err = SpellingError;

    /// Reads the text of `-L` without a range of ports, as `8080:web.example:80`, `5353:9.9.9.9:53/udp`, `8080:@files` or
    /// `/run/app.sock:@files`.
    fn from_str(text: &str) -> Result<Self, SpellingError> {
        let mut all = local(text)?.into_iter();
        match (all.next(), all.next()) {
            (Some(forward), None) => Ok(forward),
            _ => Err(SpellingError::new("-L", text, Problem::RangeToOne)),
        }
    }
}

/// Reads the text of `-R`: clients that come to the other end are carried here. One for each port of a range.
///
/// # Errors
/// [`SpellingError`] names the part that is wrong.
pub fn remote(text: &str) -> Result<Vec<Reverse>, SpellingError> {
    let read = || {
        let words = Words::read(text)?;
        let (near, far) = ends(&words.fields)?;
        let near = near.checked_for_the_other_end()?;
        let proxy_protocol = words.proxy_protocol;
        let pairs = near.listens(&far, words.udp)?.into_iter().map(|(listen, far)| {
            let to = far.target_here(words.udp)?;
            if proxy_protocol.is_some() && to == ReverseTo::AskedFor {
                return Err(Problem::NoHeader);
            }
            Ok(Reverse { at: ReverseAt::Listen(listen), to, proxy_protocol })
        });
        pairs.collect::<Result<_, Problem>>()
    };
    read().map_err(|problem| SpellingError::new("-R", text, problem))
}

/// Reads the text of `-D`: each client that comes here says itself where it wants to go.
///
/// # Errors
/// [`SpellingError`] names the part that is wrong.
pub fn dynamic(text: &str) -> Result<Forward, SpellingError> {
    let read = || {
        let words = Words::read(text)?;
        let (near, far) = ends(&words.fields)?;
        if !matches!(far, Far::Unsaid) {
            return Err(Problem::TargetOfDynamic);
        }
        let listen = near.only_one(words.udp)?;
        no_header(words.proxy_protocol)?;
        Ok(Forward { listen, to: CarryTo::AskedFor, proxy_protocol: None })
    };
    read().map_err(|problem| SpellingError::new("-D", text, problem))
}

/// Reads the text of `-W`: standard input and output are carried to the other end.
///
/// # Errors
/// [`SpellingError`] names the part that is wrong.
pub fn stdio(text: &str) -> Result<Forward, SpellingError> {
    let read = || {
        let words = Words::read(text)?;
        if words.udp {
            return Err(Problem::Udp("standard input is a stream"));
        }
        no_header(words.proxy_protocol)?;
        let far = Far::read(&words.fields)?.only_one()?;
        Ok(Forward {
            listen: ListenOn::Stdio,
            to: CarryTo::Destination(far.destination(false)?),
            proxy_protocol: None,
        })
    };
    read().map_err(|problem| SpellingError::new("-W", text, problem))
}

/// Reads the text of `--publish`: clients of a name are carried here.
///
/// # Errors
/// [`SpellingError`] names the part that is wrong.
pub fn publish(text: &str) -> Result<Reverse, SpellingError> {
    let read = || {
        let (name, target) = text.split_once('=').ok_or(Problem::NoEquals)?;
        let name: ServiceName =
            name.parse().map_err(|error| Problem::Destination { part: name.into(), error })?;
        let words = Words::read(target)?;
        let far = match words.fields.as_slice() {
            [Field::Text(port)] => {
                Far::Ports { host: "localhost".into(), ports: PortRange::reachable(port)? }
            }
            fields => Far::read(fields)?,
        };
        let to = far.only_one()?.target_here(words.udp)?;
        Ok(Reverse { at: ReverseAt::Publish(name), to, proxy_protocol: words.proxy_protocol })
    };
    read().map_err(|problem| SpellingError::new("--publish", text, problem))
}

const fn no_header(proxy_protocol: Option<ProxyProtocol>) -> Result<(), Problem> {
    if proxy_protocol.is_some() { Err(Problem::NoHeader) } else { Ok(()) }
}

/// Where clients come.
enum Near {
    Unix(PathBuf),
    Ports { host: Host, ports: PortRange },
}

/// Where they are carried to.
#[derive(Clone)]
enum Far {
    /// The text ends before it.
    Unsaid,
    Unix(String),
    Service(ServiceName),
    /// A host as it is written, an IPv6 address in brackets.
    Ports {
        host: String,
        ports: PortRange,
    },
}

/// Where clients come, and where they are carried to.
fn ends(fields: &[Field<'_>]) -> Result<(Near, Far), Problem> {
    let near_count = match fields {
        [.., _, Field::Path(_) | Field::Service(_)] => fields.len() - 1,
        [Field::Path(_), ..] => 1,
        [_] | [_, _] => fields.len(),
        _ => fields.len().saturating_sub(2),
    };
    let (near, far) = fields.split_at(near_count);
    let far = if far.is_empty() { Far::Unsaid } else { Far::read(far)? };
    Ok((Near::read(near, fields.len())?, far))
}

impl Near {
    fn read(fields: &[Field<'_>], all: usize) -> Result<Self, Problem> {
        match fields {
            [Field::Path(path)] => Ok(Self::Unix(path.into())),
            [Field::Text(port)] => {
                Ok(Self::Ports { host: Host::Ip(Ipv4Addr::LOCALHOST.into()), ports: PortRange::any(port)? })
            }
            [Field::Text(host), Field::Text(port)] => {
                let ports = PortRange::any(port)?;
                let host = match *host {
                    // Both families, where there are both.
                    "" | "*" => Host::Ip(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
                    host => host.parse()?,
                };
                Ok(Self::Ports { host, ports })
            }
            _ => Err(Problem::Parts(all)),
        }
    }

    /// A path that is opened elsewhere is checked here, where somebody can mend it.
    fn checked_for_the_other_end(self) -> Result<Self, Problem> {
        match self {
            Self::Unix(path) => Ok(Self::Unix(socket_path(&path.to_string_lossy())?.as_path().into())),
            ports @ Self::Ports { .. } => Ok(ports),
        }
    }

    /// Each address, and what it leads to.
    fn listens(&self, far: &Far, udp: bool) -> Result<Vec<(ListenOn, Far)>, Problem> {
        let (host, ports) = match self {
            Self::Unix(_) if udp => return Err(Problem::Udp("a Unix socket takes streams")),
            Self::Unix(path) => return Ok(vec![(ListenOn::Unix(path.clone()), far.clone().only_one()?)]),
            Self::Ports { host, ports } => (host, ports),
        };
        let kind = if udp { ListenOn::Udp } else { ListenOn::Tcp };
        let listen = |port| kind(Listen { host: host.clone(), port });
        let length = ports.len();
        match far {
            Far::Ports { host, ports: to } if to.len() == length => {
                let to = to.each().map(|ports| Far::Ports { host: host.clone(), ports });
                Ok(ports.ports().map(listen).zip(to).collect())
            }
            Far::Ports { ports: to, .. } => Err(Problem::Lengths(length, to.len())),
            Far::Unsaid | Far::Unix(_) | Far::Service(_) if length == 1 => {
                Ok(ports.ports().map(|port| (listen(port), far.clone())).collect())
            }
            Far::Unsaid | Far::Unix(_) | Far::Service(_) => Err(Problem::RangeToOne),
        }
    }

    fn only_one(&self, udp: bool) -> Result<ListenOn, Problem> {
        if udp {
            return Err(Problem::Udp("a proxy port takes TCP connections"));
        }
        let mut all = self.listens(&Far::Unsaid, udp)?;
        all.pop().map(|(listen, _)| listen).ok_or(Problem::RangeToOne)
    }
}

impl Far {
    fn read(fields: &[Field<'_>]) -> Result<Self, Problem> {
        match fields {
            [Field::Path(path)] => Ok(Self::Unix(path.clone())),
            [Field::Service(name)] => {
                let wrong = |error| Problem::Destination { part: format!("@{name}"), error };
                Ok(Self::Service(name.parse().map_err(wrong)?))
            }
            [Field::Text(host), Field::Text(port)] => {
                Ok(Self::Ports { host: (*host).into(), ports: PortRange::reachable(port)? })
            }
            [Field::Text(host)] => Err(Problem::NoPort((*host).into())),
            _ => Err(Problem::Parts(fields.len())),
        }
    }

    fn only_one(self) -> Result<Self, Problem> {
        match &self {
            Self::Ports { ports, .. } if ports.len() != 1 => Err(Problem::Lengths(1, ports.len())),
            Self::Ports { .. } | Self::Unsaid | Self::Unix(_) | Self::Service(_) => Ok(self),
        }
    }

    /// What the other end is asked for.
    fn destination(&self, udp: bool) -> Result<Destination, Problem> {
        match self {
            Self::Unsaid if udp => Err(Problem::Udp("the other end's own target takes streams")),
            Self::Unsaid => Ok(Destination::Own),
            Self::Unix(path) => Ok(Destination::Unix(socket_path(path)?)),
            Self::Service(name) => Ok(Destination::Service { name: name.clone(), udp }),
            Self::Ports { host, ports } => {
                let text = format!("{host}:{}", ports.first());
                let target = text.parse().map_err(|error| Problem::Target { part: text, error })?;
                Ok(if udp { Destination::Udp(target) } else { Destination::Tcp(target) })
            }
        }
    }

    /// What is dialled at this end.
    fn target_here(&self, udp: bool) -> Result<ReverseTo, Problem> {
        match self {
            Self::Unsaid if udp => Err(Problem::Udp("a proxy port takes TCP connections")),
            Self::Unsaid => Ok(ReverseTo::AskedFor),
            Self::Unix(path) => Ok(ReverseTo::Unix(path.into())),
            Self::Service(name) => Err(Problem::ServiceHere(name.to_string())),
            Self::Ports { host, ports } => {
                let target = HostPort { host: host.parse()?, port: ports.first() };
                Ok(if udp { ReverseTo::Udp(target) } else { ReverseTo::Tcp(target) })
            }
        }
    }
}

fn socket_path(path: &str) -> Result<SocketPath, Problem> {
    SocketPath::try_from(PathBuf::from(path))
        .map_err(|error| Problem::Destination { part: path.into(), error })
}

#[cfg(test)]
mod tests;
