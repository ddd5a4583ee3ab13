//! Where links are: whose handshakes are kept room for while there are many.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::handshake::LinkId;
use super::keys::PublicKey;
use super::source_limiter::site;

/// What there is where a question comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// Nothing is known of the address.
    Stranger,
    /// A link of this client is at the address, at another port: perhaps its next process asks, perhaps a neighbour
    /// behind the same NAT.
    Address(PublicKey),
    /// A link of this client is at this very port: it wants new keys.
    Port(PublicKey),
}

/// A link's name.
type Name = (PublicKey, LinkId);

/// Which links are where. Only links of which an authentic packet came have a place here.
#[derive(Default)]
pub(super) struct Homes {
    of_link: BTreeMap<Name, SocketAddr>,
    at_site: BTreeMap<IpAddr, Vec<(SocketAddr, Name)>>,
}

impl Homes {
    /// The link is there.
    pub(super) fn insert(&mut self, link: Name, at: SocketAddr) {
        if self.of_link.get(&link) == Some(&at) {
            return;
        }
        self.remove(link);
        self.of_link.insert(link, at);
        self.at_site.entry(site(at.ip())).or_default().push((at, link));
    }

    /// The link is over.
    pub(super) fn remove(&mut self, link: Name) {
        let Some(at) = self.of_link.remove(&link) else { return };
        let site = site(at.ip());
        let Some(there) = self.at_site.get_mut(&site) else { return };
        there.retain(|(_, other)| *other != link);
        if there.is_empty() {
            self.at_site.remove(&site);
        }
    }

    /// What there is where `from` is.
    pub(super) fn of(&self, from: SocketAddr) -> Home {
        let Some(there) = self.at_site.get(&site(from.ip())) else { return Home::Stranger };
        let port = there.iter().find(|(at, _)| *at == from).map(|(_, (client, _))| Home::Port(*client));
        let any = || there.first().map(|(_, (client, _))| Home::Address(*client));
        port.or_else(any).unwrap_or(Home::Stranger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: PublicKey = PublicKey::from_bytes([1; 32]);
    const OTHER: PublicKey = PublicKey::from_bytes([2; 32]);

    #[test]
    fn a_port_an_address_and_a_stranger_are_told_apart() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut homes = Homes::default();
        homes.insert((ONE, LinkId(1)), at("192.0.2.1:5"));
        homes.insert((OTHER, LinkId(1)), at("[2001:db8::1]:5"));
        let of = |homes: &Homes, text| homes.of(at(text));
        assert_eq!(of(&homes, "192.0.2.1:5"), Home::Port(ONE));
        assert_eq!(of(&homes, "192.0.2.1:6"), Home::Address(ONE));
        assert_eq!(of(&homes, "192.0.2.2:5"), Home::Stranger);
        assert_eq!(of(&homes, "[2001:db8::77]:5"), Home::Address(OTHER), "the same /64");
        assert_eq!(of(&homes, "[2001:db8:0:1::1]:5"), Home::Stranger);
        homes.insert((ONE, LinkId(1)), at("192.0.2.9:5"));
        assert_eq!(of(&homes, "192.0.2.1:5"), Home::Stranger, "it has moved");
        assert_eq!(of(&homes, "192.0.2.9:5"), Home::Port(ONE));
        homes.remove((ONE, LinkId(1)));
        homes.remove((OTHER, LinkId(1)));
        assert!(homes.of_link.is_empty() && homes.at_site.is_empty());
    }
}
