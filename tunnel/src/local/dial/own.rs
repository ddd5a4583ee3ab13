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
