//! How many clients a proxy port has at a time, and how many of them one machine may have: a port that others on the network can reach
//! must not be theirs alone who open connections and say nothing.

use std::net::IpAddr;

use crate::local::listener::ClientName;
use crate::threshold::{SharedPlace, SharedPlaces};

/// Clients of one proxy port that may be without a stream at a time, and those whose requests of plain HTTP are carried. Each has a few
/// kilobytes, and 64 KiB if it sends a head as long as that; a browser has a few dozen connections.
pub(super) const MAX_CLIENTS: usize = if cfg!(test) { 8 } else { 1_024 };

/// The places of one proxy port, by machine; those of this machine's Unix sockets are those of `None`.
#[derive(Clone, Debug)]
pub(crate) struct ProxyPlaces(SharedPlaces<Option<IpAddr>>);

/// The place of one client.
pub(super) type ProxyPlace = SharedPlace<Option<IpAddr>>;

impl ProxyPlaces {
    /// A place for one more client, if its machine may have it.
    pub(super) fn take(&self, client: ClientName) -> Option<ProxyPlace> {
        self.0.take(match client {
            ClientName::At(address) => Some(address.ip().to_canonical()),
            ClientName::Local | ClientName::Process => None,
        })
    }
}

impl Default for ProxyPlaces {
    fn default() -> Self {
        Self(SharedPlaces::new(MAX_CLIENTS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_for(places: &ProxyPlaces, client: ClientName) -> Vec<ProxyPlace> {
        std::iter::from_fn(|| places.take(client)).collect()
    }

    #[test]
    fn one_machine_leaves_places_to_the_others() {
        let at = |text: &str| ClientName::At(text.parse().unwrap());
        let places = ProxyPlaces::default();
        let first = all_for(&places, at("10.0.0.1:1"));
        assert_eq!(first.len(), MAX_CLIENTS / 4 * 3);
        assert!(places.take(at("10.0.0.1:2")).is_none(), "another port is no other machine");
        assert!(places.take(at("[::ffff:10.0.0.1]:3")).is_none());
        let second = all_for(&places, at("10.0.0.2:1"));
        assert!(!second.is_empty());
        assert!(places.take(ClientName::Local).is_some());
        drop(second);
        drop(first);
        assert_eq!(places.0.taken(), (0, 0));
    }

    #[test]
    fn there_is_an_end_to_the_places() {
        let places = ProxyPlaces::default();
        let machine = |n: u32| ClientName::At((std::net::Ipv4Addr::from_bits(n), 1).into());
        let held: Vec<_> = (0..5_000).filter_map(|n| places.take(machine(n))).collect();
        assert_eq!(held.len(), MAX_CLIENTS);
    }
}
