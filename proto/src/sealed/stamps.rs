//! The time stamps of handshakes taken: what makes a first message good for one time only.

use std::collections::BTreeMap;

use super::handshake::{LinkId, UnixMicros};
use super::keys::PublicKey;

/// Implementation: links of one client remembered at a time. One proxy1 process is one link; a client that starts more
/// than this within the clock tolerance is refused until the oldest are forgotten. It bounds a ticket's memory to about
/// 100 KiB.
const LINKS: usize = 4_096;

/// The last stamp taken from each link of each client.
///
/// A stamp older than the tolerance would be refused by the clock alone, so it is forgotten when room is needed.
#[derive(Default)]
pub(super) struct Stamps(BTreeMap<PublicKey, BTreeMap<LinkId, UnixMicros>>);

/// Why a stamp was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// One as late or later was taken from this link.
    NotLater,
    /// The client has too many links that cannot be forgotten yet.
    TooMany,
}

impl Stamps {
    /// Takes `stamp` if it is later than the last of this client and link. `oldest` is the oldest stamp that the clock
    /// allows now.
    pub(super) fn admit(
        &mut self,
        client: PublicKey,
        link: LinkId,
        stamp: UnixMicros,
        oldest: UnixMicros,
    ) -> Result<(), Rejected> {
        let links = self.0.entry(client).or_default();
        if links.get(&link).is_some_and(|last| stamp <= *last) {
            return Err(Rejected::NotLater);
        }
        if links.len() >= LINKS && !links.contains_key(&link) {
            links.retain(|_, last| *last >= oldest);
            if links.len() >= LINKS {
                return Err(Rejected::TooMany);
            }
        }
        links.insert(link, stamp);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: PublicKey = PublicKey::from_bytes([1; 32]);
    const OTHER: PublicKey = PublicKey::from_bytes([2; 32]);

    fn at(micros: u64) -> UnixMicros {
        UnixMicros(micros)
    }

    #[test]
    fn a_stamp_is_good_once_for_each_link_of_each_client() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.admit(CLIENT, LinkId(1), at(10), at(0)), Ok(()));
        assert_eq!(stamps.admit(CLIENT, LinkId(1), at(10), at(0)), Err(Rejected::NotLater));
        assert_eq!(stamps.admit(CLIENT, LinkId(1), at(9), at(0)), Err(Rejected::NotLater));
        assert_eq!(stamps.admit(CLIENT, LinkId(2), at(9), at(0)), Ok(()));
        assert_eq!(stamps.admit(OTHER, LinkId(1), at(9), at(0)), Ok(()));
        assert_eq!(stamps.admit(CLIENT, LinkId(1), at(11), at(0)), Ok(()));
    }

    #[test]
    fn only_what_the_clock_refuses_is_forgotten() {
        let mut stamps = Stamps::default();
        for link in 0..LINKS as u64 {
            assert_eq!(stamps.admit(CLIENT, LinkId(link), at(link), at(0)), Ok(()));
        }
        let next = LinkId(LINKS as u64);
        assert_eq!(stamps.admit(CLIENT, next, at(9_000), at(0)), Err(Rejected::TooMany));
        assert_eq!(stamps.admit(OTHER, next, at(9_000), at(0)), Ok(()), "others are unaffected");
        assert_eq!(stamps.admit(CLIENT, next, at(9_000), at(1)), Ok(()), "one is forgotten");
        assert_eq!(stamps.admit(CLIENT, LinkId(1), at(1), at(1)), Err(Rejected::NotLater));
    }
}
