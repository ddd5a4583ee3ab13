//! What a stream of the peer leads to, and what has to be allowed for it to go on.

use std::net::IpAddr;

use proto::destination::ServiceName;

use crate::local::dial::{Reached, Wanted};
use crate::rules::{Forbidden, Rules};

/// What has to be allowed for a stream to go on.
#[derive(Debug)]
pub(super) enum Goal {
    /// To dial this.
    Dial(Wanted),
    /// To have reached this.
    Reached(Reached),
    /// To use this name.
    Use(ServiceName),
    /// Nothing: this end itself has asked for it, and dials this where it dials.
    Own(Option<Wanted>),
}

impl Goal {
    pub(super) fn check(&self, rules: &Rules) -> Result<(), Forbidden> {
        match self {
            Self::Dial(wanted) => wanted.check(rules),
            Self::Reached(reached) => reached.check(rules),
            Self::Use(name) => rules.may_use(name),
            Self::Own(_) => Ok(()),
        }
    }

    /// The same once it is reached, at an address if it has one.
    pub(super) fn reached(self, at: Option<IpAddr>) -> Self {
        match self {
            Self::Dial(wanted) => Self::Reached(wanted.reached(at)),
            Self::Reached(_) | Self::Use(_) | Self::Own(_) => self,
        }
    }

    /// What it leads to, in words; `None`: what its destination says.
    pub(super) fn target(&self) -> Option<String> {
        match self {
            Self::Dial(wanted) | Self::Own(Some(wanted)) => Some(wanted.to_string()),
            Self::Reached(reached) => Some(reached.wanted().to_string()),
            Self::Use(_) | Self::Own(None) => None,
        }
    }
}
