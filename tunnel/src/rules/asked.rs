//! A place that somebody asks for.

use std::net::IpAddr;

use proto::target::{Host, Target};

use super::ports::Protocol;
use crate::address::{self, HostPort};

/// A place that is to be dialled, in the one form that is compared with rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    pub(super) host: AskedHost,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    pub(super) of_target: OfTarget,
}

/// A host as it was named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum AskedHost {
    /// In lower case, without the dot of the root.
    Name(String),
    /// In its canonical form.
    Ip(IpAddr),
}

/// What a place has to do with the exit's own target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OfTarget {
    /// It is the target.
    Itself,
    /// It is another port of the target's host, by the name that the exit has for it.
    Host,
    /// Nothing.
    No,
}

impl Asked {
    /// A target that a peer has named, at an exit whose own target is `own`.
    pub fn new(target: &Target, protocol: Protocol, own: Option<&HostPort>) -> Self {
        let host = match target.host() {
            Host::Ip(ip) => AskedHost::Ip(ip.to_canonical()),
            Host::Name(name) => AskedHost::Name(plain(name.as_str())),
        };
        let of_target = match own {
            Some(own) if plain_host(&own.host) != host => OfTarget::No,
            Some(own) if own.port == target.port() && protocol == Protocol::Tcp => OfTarget::Itself,
            Some(_) => OfTarget::Host,
            None => OfTarget::No,
        };
        Self { host, port: target.port(), protocol, of_target }
    }

    /// The exit's own target.
    pub fn own(own: &HostPort) -> Self {
        let of_target = OfTarget::Itself;
        Self { host: plain_host(&own.host), port: own.port, protocol: Protocol::Tcp, of_target }
    }

    /// The same where it takes datagrams.
    pub fn own_udp(own: &HostPort) -> Self {
        Self { protocol: Protocol::Udp, ..Self::own(own) }
    }

    /// What is to be carried.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether it is this machine by name, whatever a name service says (RFC 6761 section 6.3).
    pub fn is_localhost(&self) -> bool {
        matches!(&self.host, AskedHost::Name(name) if is_localhost(name))
    }

    /// Whether it is the exit's own target, by the name that the exit has for it.
    pub fn is_target(&self) -> bool {
        self.of_target == OfTarget::Itself
    }
}

fn plain_host(host: &address::Host) -> AskedHost {
    match host {
        address::Host::Ip(ip) => AskedHost::Ip(ip.to_canonical()),
        address::Host::Name(name) => AskedHost::Name(plain(name)),
    }
}

/// A name as it is compared.
pub(super) fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Whether a name stands for this machine.
pub(super) fn is_localhost(plain: &str) -> bool {
    plain == "localhost" || plain.ends_with(".localhost")
}
