//! What the other end has registered, and what has to be allowed for that and for its streams.

use proto::destination::ServiceName;

use super::access::{Access, Act};
use super::forwarding::ListenAt;
use crate::address::{Host, Listen};
use crate::rules::{Forbidden, Protocol, Rules};
use crate::settings::ListenOn;

/// A registration of the other end.
#[derive(Debug)]
pub(crate) struct PeerRegistration {
    /// The other end's number for it.
    pub(crate) id: u32,
    /// What has to be allowed.
    pub(crate) grant: Grant,
}

/// What has to be allowed for a registration, and for each stream of its clients, also when the registration has ended.
#[derive(Debug)]
pub(crate) enum Grant {
    /// To listen there.
    Listen(Place),
    /// To publish this name.
    Publish(ServiceName),
}

/// Where to listen, as it was asked for, and as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// What was asked for.
    pub(crate) asked: ListenOn,
    /// What was found.
    pub(crate) at: ListenAt,
}

impl Grant {
    /// Whether the rules allow it.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub(crate) fn check(&self, rules: &Rules) -> Result<(), Forbidden> {
        match self {
            Self::Listen(place) => place.check(rules),
            Self::Publish(name) => rules.may_publish(name),
        }
    }

    /// The sentence for what is forbidden.
    pub(crate) fn explain(&self, access: &Access) -> String {
        access.explain(match self {
            Self::Listen(place) => Act::Listen(&place.asked),
            Self::Publish(name) => Act::Publish(name),
        })
    }
}

impl Place {
    fn check(&self, rules: &Rules) -> Result<(), Forbidden> {
        let name = match &self.asked {
            ListenOn::Tcp(Listen { host: Host::Name(name), .. })
            | ListenOn::Udp(Listen { host: Host::Name(name), .. }) => Some(&**name),
            ListenOn::Tcp(_) | ListenOn::Udp(_) | ListenOn::Unix(_) | ListenOn::Stdio => None,
        };
        match &self.at {
            ListenAt::Unix(path) => rules.may_listen_socket(path),
            ListenAt::Tcp(at) => rules.may_listen(name, *at, Protocol::Tcp),
            ListenAt::Udp(at) => rules.may_listen(name, *at, Protocol::Udp),
        }
    }
}
