//! Challenges: freshness that proxy2 gives to a proxy1 whose time stamp it cannot accept, so that no clock keeps anyone
//! out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use zeroize::Zeroizing;

use super::handshake::LinkId;
use super::keys::PublicKey;
use super::mac::{self, MAC_LEN};
use super::random::Random;
use super::source_limiter::site;
use crate::Time;

/// Specification: how long a challenge is good at least after it was made, and how long proxy1 may return one after it
/// came. Long enough for a few initiations on a slow path; short, because what was taken under it is remembered as
/// long.
pub(super) const CHALLENGE_LIFE: Duration = Duration::from_secs(30);
/// Specification: a client key that asks with stamps which are not acceptable is answered once in this time at each
/// address.
const ANSWER_EVERY: Duration = Duration::from_secs(1);
/// Implementation: addresses that one client key is answered at in [`ANSWER_EVERY`] without a proof that it is there.
/// More than one, so that somebody who repeats an old initiation elsewhere does not use up the response that its owner
/// waits for.
const ADDRESSES: usize = 8;
/// Implementation: the same of proven addresses, of which a /64 counts as one.
const PROVEN_ADDRESSES: usize = 64;

/// What an initiation returns to show that it was made after a response; opaque to proxy1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Challenge(pub(super) [u8; MAC_LEN]);

impl Challenge {
    /// No challenge: the initiation is judged by its time stamp.
    pub(super) const NONE: Self = Self([0; MAC_LEN]);
}

/// The stretch of this process's time that a challenge was made in; later ones are greater, and none is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period(pub(super) u64);

impl Period {
    fn at(now: Time) -> Self {
        // From 2 on, so that the one before is no default either.
        Self(2 + now.since(Time::ZERO).as_secs() / CHALLENGE_LIFE.as_secs())
    }

    fn before(self) -> Self {
        Self(self.0 - 1)
    }

    /// The oldest whose challenges are good at `now`.
    pub(super) fn oldest(now: Time) -> Self {
        Self::at(now).before()
    }
}

/// Makes challenges and knows its own again, without remembering any.
pub(super) struct Challenger {
    /// Of this process alone: a challenge made before a restart is not good after it.
    secret: Zeroizing<[u8; 32]>,
}

impl Challenger {
    pub(super) fn new(random: &mut Random) -> Self {
        Self { secret: random.block() }
    }

    /// The challenge for this link of this client.
    pub(super) fn challenge(&self, now: Time, client: &PublicKey, link: LinkId) -> Challenge {
        Challenge(mac::short_mac(self.secret.as_slice(), &Self::covered(Period::at(now), client, link)))
    }

    /// When `given` was made, if it is good for this link of this client.
    pub(super) fn period_of(
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

/// Which clients were sent a challenge a moment ago, and where. Only clients with a ticket have a place here.
#[derive(Default)]
pub(super) struct ChallengeLimiter(BTreeMap<PublicKey, [Addresses; 2]>);

/// What an initiation whose stamp is not acceptable gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A challenge to return.
    Challenge,
    /// A cookie: the same initiation comes from too many addresses to believe each of them.
    Cookie,
    /// Nothing.
    Nothing,
}

/// Where a client was answered in the last second.
#[derive(Default)]
struct Addresses(Vec<(IpAddr, Time)>);

/// Whether there is a response for an address.
#[derive(PartialEq, Eq)]
enum Place {
    Taken,
    Had,
    Full,
}

impl ChallengeLimiter {
    /// What an initiation of `client` at `address` gets; counted if it is a challenge.
    pub(super) fn take(&mut self, now: Time, client: PublicKey, address: IpAddr, proven: bool) -> Answer {
        let [unproven, proved] = self.0.entry(client).or_default();
        let place = unproven.take(now, address, ADDRESSES);
        let last = if proven && place != Place::Taken {
            proved.take(now, site(address), PROVEN_ADDRESSES)
        } else {
            place
        };
        match last {
            Place::Taken => Answer::Challenge,
            Place::Full if !proven => Answer::Cookie,
            Place::Had | Place::Full => Answer::Nothing,
        }
    }

    /// The client's ticket is gone.
    pub(super) fn forget(&mut self, client: &PublicKey) {
        self.0.remove(client);
    }
}

impl Addresses {
    fn take(&mut self, now: Time, address: IpAddr, most: usize) -> Place {
        self.0.retain(|(_, at)| now.since(*at) < ANSWER_EVERY);
        if self.0.iter().any(|(to, _)| *to == address) {
            return Place::Had;
        }
        if self.0.len() >= most {
            return Place::Full;
        }
        self.0.push((address, now));
        Place::Taken
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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

    fn at(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    #[test]
    fn a_client_is_told_once_a_second_at_each_address() {
        let mut limiter = ChallengeLimiter::default();
        let now = Time::ZERO;
        for last in 0..8 {
            assert_eq!(limiter.take(now, CLIENT, at(last), false), Answer::Challenge);
            assert_eq!(limiter.take(now, CLIENT, at(last), false), Answer::Nothing);
        }
        assert_eq!(limiter.take(now, CLIENT, at(8), false), Answer::Cookie, "eight in all");
        assert_eq!(limiter.take(now, OTHER, at(0), false), Answer::Challenge, "another client");
        assert_eq!(
            limiter.take(now + ANSWER_EVERY, CLIENT, at(0), false),
            Answer::Challenge,
            "another second"
        );
    }

    #[test]
    fn forged_addresses_keep_no_answer_from_a_proven_one() {
        let mut limiter = ChallengeLimiter::default();
        let mut challenges = 0;
        for last in 0..=255 {
            challenges += u32::from(limiter.take(Time::ZERO, CLIENT, at(last), false) == Answer::Challenge);
        }
        assert_eq!(challenges, 8);
        assert_eq!(limiter.take(Time::ZERO, CLIENT, at(200), true), Answer::Challenge);
        assert_eq!(limiter.take(Time::ZERO, CLIENT, at(200), true), Answer::Nothing, "once a second");
        let rest =
            (0..=255).filter(|last| limiter.take(Time::ZERO, CLIENT, at(*last), true) == Answer::Challenge);
        assert_eq!(rest.count(), 63);
    }
}
