//! The addresses that links are at: a part of the handshakes is kept for these while there are many.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::handshake::per_source::site;
use crate::sealed::handshake::terms::LinkId;

/// What is known of the address that a handshake comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressOrigin {
    /// No link is there.
    Unknown,
    /// A link of this client is at the address, at another port: perhaps it is its next process, perhaps a neighbour
    /// behind the same NAT.
    Address(PublicKey),
    /// A link of this client is at this very port: it wants new keys.
    Port(PublicKey),
}

/// A link's name.
type LinkName = (PublicKey, LinkId);

/// Which link is at which address. Only links of which an authentic packet came have a place here.
#[derive(Default)]
pub(crate) struct LinkAddresses {
    of_link: BTreeMap<LinkName, SocketAddr>,
    at_site: BTreeMap<IpAddr, Vec<(SocketAddr, LinkName)>>,
}

impl LinkAddresses {
    /// The link is at `at`.
    pub(crate) fn insert(&mut self, link: LinkName, at: SocketAddr) {
        if self.of_link.get(&link) == Some(&at) {
            return;
        }
        self.remove(link);
        self.of_link.insert(link, at);
        self.at_site.entry(site(at.ip())).or_default().push((at, link));
    }

    /// The link is over.
    pub(crate) fn remove(&mut self, link: LinkName) {
        let Some(at) = self.of_link.remove(&link) else { return };
        let site = site(at.ip());
        let Some(there) = self.at_site.get_mut(&site) else { return };
        there.retain(|(_, other)| *other != link);
        if there.is_empty() {
            self.at_site.remove(&site);
        }
    }

    /// What is known of `from`.
    pub(crate) fn of(&self, from: SocketAddr) -> AddressOrigin {
        let Some(there) = self.at_site.get(&site(from.ip())) else { return AddressOrigin::Unknown };
        let port =
            there.iter().find(|(at, _)| *at == from).map(|(_, (client, _))| AddressOrigin::Port(*client));
        let any = || there.first().map(|(_, (client, _))| AddressOrigin::Address(*client));
        port.or_else(any).unwrap_or(AddressOrigin::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: PublicKey = PublicKey::from_bytes([1; 32]);
    const OTHER: PublicKey = PublicKey::from_bytes([2; 32]);

    #[test]
    fn a_port_an_address_and_an_unknown_one_are_told_apart() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut addresses = LinkAddresses::default();
        addresses.insert((ONE, LinkId(1)), at("192.0.2.1:5"));
        addresses.insert((OTHER, LinkId(1)), at("[2001:db8::1]:5"));
        let of = |addresses: &LinkAddresses, text| addresses.of(at(text));
        assert_eq!(of(&addresses, "192.0.2.1:5"), AddressOrigin::Port(ONE));
        assert_eq!(of(&addresses, "192.0.2.1:6"), AddressOrigin::Address(ONE));
        assert_eq!(of(&addresses, "192.0.2.2:5"), AddressOrigin::Unknown);
        assert_eq!(of(&addresses, "[2001:db8::77]:5"), AddressOrigin::Address(OTHER), "the same /64");
        assert_eq!(of(&addresses, "[2001:db8:0:1::1]:5"), AddressOrigin::Unknown);
        addresses.insert((ONE, LinkId(1)), at("192.0.2.9:5"));
        assert_eq!(of(&addresses, "192.0.2.1:5"), AddressOrigin::Unknown, "it has moved");
        assert_eq!(of(&addresses, "192.0.2.9:5"), AddressOrigin::Port(ONE));
        addresses.remove((ONE, LinkId(1)));
        addresses.remove((OTHER, LinkId(1)));
        assert!(addresses.of_link.is_empty() && addresses.at_site.is_empty());
    }
}
