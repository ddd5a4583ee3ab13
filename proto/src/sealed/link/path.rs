//! Where the peer is: the address its newest packet came from, and whether it is really there.

use crate::sealed::random::Random;
use crate::time::Time;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes that may be sent to an address that has not been validated, for each byte that came from it (RFC 9000
/// section 8.1).
const FACTOR: u64 = 3;

/// When to repeat a check that was not answered.
const CHECK_AGAIN: Duration = Duration::from_millis(500);

/// The peer's address.
#[derive(Debug)]
pub(crate) struct PeerPath {
    address: SocketAddr,
    /// The check under way; `None` once the address is validated.
    check: Option<Check>,
}

#[derive(Debug)]
struct Check {
    token: u64,
    budget: u64,
    due: Time,
}

impl PeerPath {
    /// A peer whose address is taken as given: it came from the user, or from a handshake just finished.
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, check: None }
    }

    /// Where to send.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether there is anywhere to send: no host has port 0, and a client's peer may wait for its name's address.
    pub(crate) const fn is_known(&self) -> bool {
        self.address.port() != 0
    }

    /// The newest authentic packet came from `from`. True if that is another network, not just another port.
    pub(crate) fn move_to(&mut self, now: Time, from: SocketAddr, random: &mut Random) -> bool {
        let elsewhere = from.ip() != self.address.ip();
        self.address = from;
        self.check = Some(Check { token: random.u64(), budget: 0, due: now });
        elsewhere
    }

    /// `bytes` came from the peer's address.
    pub(crate) const fn on_received(&mut self, bytes: usize) {
        if let Some(check) = &mut self.check {
            check.budget += bytes as u64 * FACTOR;
        }
    }

    /// The answer to a check came.
    pub(crate) fn on_checked(&mut self, token: u64) {
        if self.check.as_ref().is_some_and(|check| check.token == token) {
            self.check = None;
        }
    }

    /// How many bytes may be sent now.
    pub(crate) fn budget(&self) -> u64 {
        self.check.as_ref().map_or(u64::MAX, |check| check.budget)
    }

    /// `bytes` left for the peer's address.
    pub(crate) fn on_sent(&mut self, bytes: usize) {
        if let Some(check) = &mut self.check {
            check.budget = check.budget.saturating_sub(bytes as u64);
        }
    }

    /// The token of a check that is due now.
    pub(crate) fn poll_check(&mut self, now: Time) -> Option<u64> {
        let check = self.check.as_mut().filter(|check| check.due <= now)?;
        check.due = now + CHECK_AGAIN;
        Some(check.token)
    }

    /// When a check is due.
    pub(crate) fn timeout(&self) -> Time {
        self.check.as_ref().map_or(Time::NEVER, |check| check.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_address_gets_three_times_what_it_sent_until_it_answers() {
        let mut random = Random::from_seed([1; 32]);
        let (old, new) = ("192.0.2.1:1".parse().unwrap(), "192.0.2.2:1".parse().unwrap());
        let mut path = PeerPath::new(old);
        assert_eq!(path.budget(), u64::MAX);
        assert!(path.move_to(Time::ZERO, new, &mut random));
        path.on_received(100);
        path.on_sent(120);
        assert_eq!(path.budget(), 180);
        let token = path.poll_check(Time::ZERO).unwrap();
        assert_eq!(path.poll_check(Time::ZERO), None, "not twice at once");
        path.on_checked(token ^ 1);
        assert_eq!(path.budget(), 180, "a wrong token proves nothing");
        path.on_checked(token);
        assert_eq!(path.budget(), u64::MAX);
        assert!(
            !path.move_to(Time::ZERO, "192.0.2.2:9".parse().unwrap(), &mut random),
            "only the port is new"
        );
    }
}
