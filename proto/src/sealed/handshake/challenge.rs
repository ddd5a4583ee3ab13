//! Challenges: freshness that proxy2 gives to a proxy1 whose time stamp it cannot accept, so that no clock keeps anyone
//! out.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::Time;
use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::crypto::mac::{self, MAC_LEN};
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::terms::LinkId;

/// Specification: how long a challenge is good at least after it was made, and how long proxy1 may return one after it
/// came. Long enough for a few initiations on a slow path; short, because what was taken under it is remembered as
/// long.
pub(crate) const CHALLENGE_LIFE: Duration = Duration::from_secs(30);

/// What an initiation returns to show that it was made after a response; opaque to proxy1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Challenge(pub(crate) [u8; MAC_LEN]);

impl Challenge {
    /// No challenge: the initiation is judged by its time stamp.
    pub(crate) const NONE: Self = Self([0; MAC_LEN]);
}

/// The stretch of this process's time that a challenge was made in; later ones are greater, and none is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period(pub(crate) u64);

impl Period {
    fn at(now: Time) -> Self {
        // From 2 on, so that the one before is no default either.
        Self(2 + now.since(Time::ZERO).as_secs() / CHALLENGE_LIFE.as_secs())
    }

    fn before(self) -> Self {
        Self(self.0 - 1)
    }

    /// The oldest whose challenges are good at `now`.
    pub(crate) fn oldest(now: Time) -> Self {
        Self::at(now).before()
    }
}

/// Makes challenges and knows its own again, without remembering any.
pub(crate) struct Challenger {
    /// Of this process alone: a challenge made before a restart is not good after it.
    secret: Zeroizing<[u8; 32]>,
}

impl Challenger {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self { secret: random.block() }
    }

    /// The challenge for this link of this client.
    pub(crate) fn challenge(&self, now: Time, client: &PublicKey, link: LinkId) -> Challenge {
        Challenge(mac::short_mac(self.secret.as_slice(), &Self::covered(Period::at(now), client, link)))
    }

    /// When `given` was made, if it is good for this link of this client.
    pub(crate) fn period_of(
        &self,
        now: Time,
        client: &PublicKey,
        link: LinkId,
        given: &Challenge,
    ) -> Option<Period> {
        let present = Period::at(now);
        [present, present.before()].into_iter().find(|period| {
            mac::short_mac_is(self.secret.as_slice(), &Self::covered(*period, client, link), &given.0)
        })
    }

    fn covered(period: Period, client: &PublicKey, link: LinkId) -> Vec<u8> {
        [&period.0.to_be_bytes()[..], client.as_bytes(), &link.0.to_be_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: PublicKey = PublicKey::from_bytes([1; 32]);
    const OTHER: PublicKey = PublicKey::from_bytes([2; 32]);
    const LINK: LinkId = LinkId(5);

    #[test]
    fn a_challenge_is_good_for_one_link_for_its_life_and_no_longer_than_twice_that() {
        let challenger = Challenger::new(&mut Random::from_seed([7; 32]));
        let made = Time::ZERO + Duration::from_secs(7);
        let given = challenger.challenge(made, &CLIENT, LINK);
        let good = |now, client, link| challenger.period_of(now, client, link, &given).is_some();
        assert!(good(made, &CLIENT, LINK) && good(made + CHALLENGE_LIFE, &CLIENT, LINK));
        assert!(!good(made + CHALLENGE_LIFE * 2, &CLIENT, LINK));
        assert!(!good(made, &OTHER, LINK) && !good(made, &CLIENT, LinkId(6)));
        assert_eq!(challenger.period_of(made, &CLIENT, LINK, &Challenge::NONE), None);
        let restarted = Challenger::new(&mut Random::from_seed([8; 32]));
        assert_eq!(restarted.period_of(made, &CLIENT, LINK, &given), None);
    }

    #[test]
    fn a_period_is_remembered_as_long_as_its_challenges_are_good() {
        let challenger = Challenger::new(&mut Random::from_seed([7; 32]));
        for second in 0..90 {
            let now = Time::ZERO + Duration::from_secs(second);
            let given = challenger.challenge(Time::ZERO, &CLIENT, LINK);
            let period = challenger.period_of(now, &CLIENT, LINK, &given);
            assert!(period.is_none_or(|period| period >= Period::oldest(now)), "after {second} s");
            assert_eq!(period.is_some(), second < 60, "after {second} s");
        }
    }
}
