//! What was taken of each link's initiations: what makes an initiation good for one time only.

use std::collections::BTreeMap;

use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::handshake::challenge::Period;
use crate::sealed::handshake::terms::{LinkId, UnixMicros};

/// Implementation: links of one client remembered at a time. It bounds a ticket's memory to about 150 KiB.
const LINKS: usize = 4_096;

/// The last stamps taken from each link of each client.
#[derive(Default)]
pub(crate) struct ReplayGuard(BTreeMap<PublicKey, ClientLinks>);

/// What was taken of the links of one client.
///
/// A stamp older than the tolerance would be refused by the clock alone, and one under a challenge that is good no more by
/// that: such are forgotten when room is needed. If that is not enough, all are, and stand for one link: nothing of a link
/// not known is taken that is not later than everything that was forgotten. Some links then need a challenge more.
#[derive(Default)]
struct ClientLinks {
    links: BTreeMap<LinkId, StampTaken>,
    forgotten: StampTaken,
}

/// The last of one link. The two kinds are told apart because the stamps under a challenge may come from any clock.
#[derive(Clone, Copy, Default)]
struct StampTaken {
    /// The greatest stamp of an initiation that was judged by it.
    stamp: UnixMicros,
    /// The greatest of those that returned a challenge: its period, then the stamp.
    challenged: (Period, UnixMicros),
}

/// The greatest stamp that a process has taken of a link, without a challenge: challenges are good at the process that made them alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenStamp {
    /// Whose link.
    pub client: PublicKey,
    /// Which; `None`: any of those that the process has forgotten.
    pub link: Option<LinkId>,
    /// The stamp.
    pub stamp: UnixMicros,
}

/// What shows that an initiation is not an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Its stamp alone, which is within the tolerance.
    Stamp,
    /// A challenge that was made in this period.
    Challenge(Period),
}

/// The oldest of each kind that would still be taken from a link never heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oldest {
    pub(crate) stamp: UnixMicros,
    pub(crate) period: Period,
}

/// Why an initiation was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It was taken before, or returns a challenge with a stamp that is not greater than the last.
    Replayed,
    /// A later one was taken from this link, or from one that was forgotten: it is an old initiation, or the clock was
    /// set back.
    Older,
}

impl ReplayGuard {
    /// Takes an initiation of this client and link with this stamp, if it is later than the last.
    pub(crate) fn admit(
        &mut self,
        client: PublicKey,
        link: LinkId,
        stamp: UnixMicros,
        freshness: Freshness,
        oldest: Oldest,
    ) -> Result<(), Rejected> {
        let client = self.0.entry(client).or_default();
        let known = client.links.get(&link).copied();
        let mut taken = known.unwrap_or(client.forgotten);
        taken.take(stamp, freshness).map_err(|why| if known.is_some() { why } else { Rejected::Older })?;
        if known.is_none() && client.links.len() >= LINKS {
            client.forget(oldest);
        }
        client.links.insert(link, taken);
        Ok(())
    }

    /// The stamps from `oldest` on.
    pub(crate) fn stamps(&self, oldest: UnixMicros) -> Vec<TakenStamp> {
        let of_client = |(client, links): (&PublicKey, &ClientLinks)| {
            let client = *client;
            let forgotten = TakenStamp { client, link: None, stamp: links.forgotten.stamp };
            let known = links.links.iter();
            let known =
                known.map(|(link, taken)| TakenStamp { client, link: Some(*link), stamp: taken.stamp });
            known
                .chain([forgotten])
                .filter(|taken| taken.stamp >= oldest && taken.stamp > UnixMicros(0))
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_client).collect()
    }

    /// Another process has taken this. Where a client has too many links already, it stands for any.
    pub(crate) fn note(&mut self, TakenStamp { client, link, stamp }: TakenStamp) {
        let client = self.0.entry(client).or_default();
        let has_room = |link: &LinkId| client.links.contains_key(link) || client.links.len() < LINKS;
        let taken = match link.filter(has_room) {
            // What a link not known may not have, this one may not either.
            Some(link) => client.links.entry(link).or_insert(client.forgotten),
            None => &mut client.forgotten,
        };
        taken.stamp = taken.stamp.max(stamp);
    }
}

impl ClientLinks {
    /// Makes room for a link.
    fn forget(&mut self, oldest: Oldest) {
        self.links.retain(|_, taken| taken.stamp >= oldest.stamp || taken.challenged.0 >= oldest.period);
        // Not for the last place alone, or each new link would walk through all of them.
        if self.links.len() > LINKS / 2 {
            for (_, taken) in std::mem::take(&mut self.links) {
                self.forgotten.stamp = self.forgotten.stamp.max(taken.stamp);
                self.forgotten.challenged = self.forgotten.challenged.max(taken.challenged);
            }
        }
    }
}

impl StampTaken {
    fn take(&mut self, stamp: UnixMicros, freshness: Freshness) -> Result<(), Rejected> {
        match freshness {
            Freshness::Stamp if stamp > self.stamp => self.stamp = stamp,
            Freshness::Stamp if stamp < self.stamp => return Err(Rejected::Older),
            Freshness::Challenge(period) if (period, stamp) > self.challenged => {
                self.challenged = (period, stamp);
            }
            Freshness::Stamp | Freshness::Challenge(_) => return Err(Rejected::Replayed),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: PublicKey = PublicKey::from_bytes([1; 32]);
    const OTHER: PublicKey = PublicKey::from_bytes([2; 32]);
    const ALL: Oldest = Oldest { stamp: UnixMicros(0), period: Period(1) };

    fn at(micros: u64) -> UnixMicros {
        UnixMicros(micros)
    }

    #[test]
    fn a_stamp_is_good_once_for_each_link_of_each_client() {
        let mut guard = ReplayGuard::default();
        let mut take =
            |client, link, stamp| guard.admit(client, LinkId(link), at(stamp), Freshness::Stamp, ALL);
        assert_eq!(take(CLIENT, 1, 10), Ok(()));
        assert_eq!(take(CLIENT, 1, 10), Err(Rejected::Replayed));
        assert_eq!(take(CLIENT, 1, 9), Err(Rejected::Older));
        assert_eq!(take(CLIENT, 2, 9), Ok(()));
        assert_eq!(take(OTHER, 1, 9), Ok(()));
        assert_eq!(take(CLIENT, 1, 11), Ok(()));
    }

    #[test]
    fn under_a_challenge_any_stamp_is_good_once_and_none_before_the_last() {
        let mut guard = ReplayGuard::default();
        let mut take = |stamp, freshness| guard.admit(CLIENT, LinkId(1), at(stamp), freshness, ALL);
        let [first, second] = [2, 3].map(|period| Freshness::Challenge(Period(period)));
        assert_eq!(take(1_000, Freshness::Stamp), Ok(()));
        assert_eq!(take(9, first), Ok(()), "a clock that was set back");
        assert_eq!(take(9, first), Err(Rejected::Replayed));
        assert_eq!(take(8, first), Err(Rejected::Replayed));
        assert_eq!(take(10, first), Ok(()));
        assert_eq!(take(5, second), Ok(()));
        assert_eq!(take(11, first), Err(Rejected::Replayed), "a later challenge was returned");
        assert_eq!(
            take(900, Freshness::Stamp),
            Err(Rejected::Older),
            "a challenge makes no old initiation good"
        );
        assert_eq!(take(1_001, Freshness::Stamp), Ok(()));
    }

    #[test]
    fn too_many_links_are_forgotten_and_nothing_of_theirs_is_good_again() {
        let mut guard = ReplayGuard::default();
        let mut take = |client, link, stamp, freshness, oldest| {
            guard.admit(client, LinkId(link), at(stamp), freshness, oldest)
        };
        let links = LINKS as u64;
        let challenged = Freshness::Challenge(Period(2));
        for link in 0..links {
            assert_eq!(take(CLIENT, link, link + 1, Freshness::Stamp, ALL), Ok(()));
        }
        assert_eq!(take(CLIENT, links - 1, 7, challenged, ALL), Ok(()));
        assert_eq!(take(CLIENT, links, links + 1, Freshness::Stamp, ALL), Ok(()), "it is later than all");
        for link in 0..links {
            let again = take(CLIENT, link, link + 1, Freshness::Stamp, ALL);
            assert_eq!(again, Err(Rejected::Older), "link {link}");
        }
        assert_eq!(take(CLIENT, links - 1, 7, challenged, ALL), Err(Rejected::Older));
        assert_eq!(take(CLIENT, links + 1, 8, challenged, ALL), Ok(()), "a later one");
        assert_eq!(take(CLIENT, links + 2, 7, Freshness::Challenge(Period(3)), ALL), Ok(()));
        assert_eq!(take(OTHER, 1, 1, Freshness::Stamp, ALL), Ok(()), "others are unaffected");
    }

    #[test]
    fn what_is_refused_anyway_is_forgotten_first() {
        let mut guard = ReplayGuard::default();
        let mut take = |link, oldest| {
            guard.admit(
                CLIENT,
                LinkId(link),
                at(link + 1),
                Freshness::Stamp,
                Oldest { stamp: at(oldest), ..ALL },
            )
        };
        for link in 0..LINKS as u64 {
            assert_eq!(take(link, 0), Ok(()));
        }
        let most = LINKS as u64 * 3 / 4;
        assert_eq!(take(LINKS as u64, most), Ok(()));
        assert_eq!(take(most, most), Err(Rejected::Replayed), "this one is still known");
        assert_eq!(take(1, most), Ok(()), "this one is not; its stamp would be refused before");
    }
}
