//! What an end dials because its own user has said so: no rule of a peer is asked.

use std::fmt;
use std::path::PathBuf;

use proto::destination::SocketPath;

use super::{Wanted, WantedHost};
use crate::rules::{Place, Protocol, Rule, Rules, UnixPattern};
use crate::settings::ReverseTo;

/// A target of this end's own choice, and the rule that allows it alone.
#[derive(Clone, Debug)]
pub(crate) struct OwnTarget {
    /// What is dialled.
    pub(crate) wanted: Wanted,
    /// What allows it.
    pub(crate) rules: Rules,
}

impl OwnTarget {
    /// For the clients of a reverse forward; `None`: that is nothing that is dialled by itself.
    pub(crate) fn new(to: &ReverseTo) -> Option<Self> {
        match to {
            ReverseTo::Tcp(target) => {
                Some(Self { wanted: Wanted::Host(WantedHost::own(target)), rules: Rules::target() })
            }
            ReverseTo::Unix(path) => Self::socket(path.clone()),
            ReverseTo::Udp(target) => {
                Some(Self { wanted: Wanted::Host(WantedHost::own_udp(target)), rules: Rules::target() })
            }
            // Each client names its own: see `asked_for`.
            ReverseTo::AskedFor => None,
        }
    }

    /// Whether it takes datagrams.
    pub(crate) const fn takes_datagrams(&self) -> bool {
        match &self.wanted {
            Wanted::Host(host) => matches!(host.protocol(), Protocol::Udp),
            Wanted::Socket(_) => false,
        }
    }

    fn socket(path: PathBuf) -> Option<Self> {
        let path = SocketPath::try_from(path).ok()?;
        let rule = Rule::Dial(Place::Unix(UnixPattern::Socket(path.clone())));
        Some(Self { wanted: Wanted::Socket(path), rules: Rules::from_iter([rule]) })
    }
}

impl fmt::Display for OwnTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Wanted::Host(host) => {
                let protocol = if host.protocol() == Protocol::Udp { "/udp" } else { "" };
                write!(f, "{}{protocol}", host.place())
            }
            Wanted::Socket(path) => path.fmt(f),
        }
    }
}

/// What the clients of a reverse proxy port may ask for: all that this machine reaches, itself included, as with OpenSSH. Not what each
/// machine has for itself alone, which whoever starts such a port hardly means: link-local addresses and the metadata services of
/// clouds.
pub(crate) fn asked_for() -> Rules {
    const TEXTS: [&str; 9] = [
        "dial:*:*",
        "dial:localhost:*",
        "dial:127.0.0.0/8:*",
        "dial:[::1]:*",
        // As blocks: they have this machine's own addresses in them, and `private` has not.
        "dial:10.0.0.0/8:*",
        "dial:172.16.0.0/12:*",
        "dial:192.168.0.0/16:*",
        "dial:100.64.0.0/10:*",
        "dial:[fc00::/7]:*",
    ];
    Rules::parse(TEXTS).expect("each is a rule")
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::rules::Asked;

    #[test]
    fn clients_may_ask_for_all_that_is_not_for_one_machine_alone() {
        let rules = asked_for();
        let asked = |ip: IpAddr| {
            Asked::new(&format!("{}:80", crate::address::Host::Ip(ip)).parse().unwrap(), Protocol::Tcp, None)
        };
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "10.0.0.1",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
        ] {
            let ip = ip.parse().unwrap();
            rules.may_dial(&asked(ip), ip).expect("another machine's");
            rules.may_dial_here(&asked(ip), ip).expect("this machine's own");
        }
        for ip in ["8.8.8.8", "2606:4700::1"] {
            let ip = ip.parse().unwrap();
            rules.may_dial(&asked(ip), ip).expect("public");
        }
        let named = Asked::new(&"metadata.example:80".parse().unwrap(), Protocol::Tcp, None);
        for ip in [
            "169.254.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
        ] {
            let ip = ip.parse().unwrap();
            assert!(rules.may_dial(&asked(ip), ip).is_err(), "{ip}");
            assert!(rules.may_dial(&named, ip).is_err(), "{ip} by a name");
        }
    }
}
