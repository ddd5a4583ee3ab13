//! What was taken of each link's questions: what makes a question good for one time only.

use std::collections::BTreeMap;

use super::challenge::Period;
use super::handshake::{LinkId, UnixMicros};
use super::keys::PublicKey;

/// Implementation: links of one client remembered at a time. One proxy1 process is one link at a time; a client that
/// starts more than this within the clock tolerance is refused until the oldest are forgotten. It bounds a ticket's
/// memory to about 150 KiB.
const LINKS: usize = 4_096;

/// The last stamps taken from each link of each client.
///
/// A stamp older than the tolerance would be refused by the clock alone, and one under a challenge that is good no more by
/// that: such are forgotten when room is needed.
#[derive(Default)]
pub(super) struct ReplayGuard(BTreeMap<PublicKey, BTreeMap<LinkId, Taken>>);

/// The last of one link. The two kinds are told apart because the stamps under a challenge may come from any clock.
#[derive(Clone, Copy, Default)]
struct Taken {
    /// The greatest stamp of a question that was judged by it.
    stamp: UnixMicros,
    /// The greatest of those that returned a challenge: its period, then the stamp.
    challenged: (Period, UnixMicros),
}

/// What shows that a question is not an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Its stamp alone, which is within the tolerance.
    Stamp,
    /// A challenge that was made in this period.
    Challenge(Period),
}

/// The oldest of each kind that would still be taken from a link never heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oldest {
    pub(super) stamp: UnixMicros,
    pub(super) period: Period,
}

/// Why a question was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// It was taken before, or returns a challenge with a stamp that is not greater than the last.
    Replayed,
    /// A later stamp was taken from this link: it is an old question, or the clock was set back.
    Older,
    /// The client has too many links that cannot be forgotten yet.
    TooMany,
}

impl ReplayGuard {
    /// Takes a question of this client and link with this stamp, if it is later than the last.
    pub(super) fn admit(
        &mut self,
        client: PublicKey,
        link: LinkId,
        stamp: UnixMicros,
        freshness: Freshness,
        oldest: Oldest,
    ) -> Result<(), Rejected> {
        let links = self.0.entry(client).or_default();
        let mut taken = links.get(&link).copied().unwrap_or_default();
        taken.take(stamp, freshness)?;
        if links.len() >= LINKS && !links.contains_key(&link) {
            links.retain(|_, taken| taken.stamp >= oldest.stamp || taken.challenged.0 >= oldest.period);
            if links.len() >= LINKS {
                return Err(Rejected::TooMany);
            }
        }
        links.insert(link, taken);
        Ok(())
    }
}

impl Taken {
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
            "a challenge makes no old question good"
        );
        assert_eq!(take(1_001, Freshness::Stamp), Ok(()));
    }

    #[test]
    fn only_what_is_refused_anyway_is_forgotten() {
        let mut guard = ReplayGuard::default();
        let mut take = |client, link, stamp, freshness, oldest| {
            guard.admit(client, LinkId(link), at(stamp), freshness, oldest)
        };
        for link in 0..LINKS as u64 - 1 {
            assert_eq!(take(CLIENT, link, link + 1, Freshness::Stamp, ALL), Ok(()));
        }
        let (next, challenged) = (LINKS as u64, Freshness::Challenge(Period(2)));
        assert_eq!(take(CLIENT, next, 1, challenged, ALL), Ok(()));
        let oldest = |stamp, period| Oldest { stamp: at(stamp), period: Period(period) };
        let full = oldest(1, 2);
        assert_eq!(take(CLIENT, next + 1, 9_000, Freshness::Stamp, full), Err(Rejected::TooMany));
        assert_eq!(take(OTHER, next + 1, 9_000, Freshness::Stamp, full), Ok(()), "others are unaffected");
        assert_eq!(take(CLIENT, next + 1, 9_000, Freshness::Stamp, oldest(2, 2)), Ok(()), "one is forgotten");
        assert_eq!(take(CLIENT, 1, 2, Freshness::Stamp, oldest(2, 2)), Err(Rejected::Replayed));
        assert_eq!(take(CLIENT, next, 1, challenged, oldest(2, 2)), Err(Rejected::Replayed));
        assert_eq!(take(CLIENT, next + 2, 9_000, Freshness::Stamp, oldest(2, 3)), Ok(()), "and one more");
    }
}
