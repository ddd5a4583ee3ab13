//! What a link carries for those at an end of it: clients to the other end, and the other end's streams to targets.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use proto::target::Target;

use crate::address::{HostPort, Listen};

/// Clients that connect here are carried over the link, each to the same target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where clients connect.
    pub listen: ListenOn,
    /// What the other end dials for each; `None`: the one target that it has for streams that name none.
    pub target: Option<Target>,
}

impl Forward {
    /// From a TCP port here to the other end's own target.
    pub fn plain(listen: Listen) -> Self {
        Self { listen: ListenOn::Tcp(listen), target: None }
    }
}

/// What an end dials for the streams that the other end opens: these targets and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Dialled for streams that name no target, and for those that name it.
    pub target: Option<HostPort>,
    /// Dialled for streams that name them.
    pub others: Vec<HostPort>,
}

impl Allow {
    /// One target, named or not.
    pub const fn only(target: HostPort) -> Self {
        Self { target: Some(target), others: Vec::new() }
    }

    /// Whether nothing is dialled.
    pub fn is_nothing(&self) -> bool {
        self.target.is_none() && self.others.is_empty()
    }
}

/// Where clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenOn {
    /// A TCP port.
    Tcp(Listen),
    /// A Unix socket: a file that is made for it, for its owner alone (mode 0600). There is no RST on one: a stream that is
    /// reset looks to its client as if it had ended.
    Unix(PathBuf),
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
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
