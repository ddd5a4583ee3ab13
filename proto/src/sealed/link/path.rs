//! Where the peer is: the path that was proven last, and addresses that its newest packets came from and that have to prove
//! that they are its (RFC 9000 sections 8.2 and 9.3).
//!
//! Everything goes to the proven path until another has answered a challenge sent to it. Who copies packets and has a
//! faster way than they have (RFC 9000 section 9.3.3) thus gets challenges, and nothing else.

use crate::sealed::crypto::random::Random;
use crate::sealed::transport::PathState;
use crate::time::Time;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Bytes that may be sent to an address that has not been validated, for each byte that came from it (RFC 9000
/// section 8.1).
const FACTOR: u64 = 3;

/// The longest wait before a challenge that was not answered is repeated.
const CHALLENGE_AGAIN: Duration = Duration::from_millis(500);

/// The shortest time between two challenges, to whomever: raced copies of packets must not make a challenge each.
const CHALLENGE_GAP: Duration = Duration::from_millis(10);

/// Addresses under validation at a time. More than one, so that copies that others race from an address of their own do
/// not end the validation of the peer's.
const CANDIDATES: usize = 4;

/// How long what was learnt of a path is kept after it was left.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The addresses of a path: the peer's, and those of ours that it sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FourTuple {
    /// The peer's address and port.
    pub remote: SocketAddr,
    /// The address of ours, if the socket has several; `None`: the system chooses it.
    pub local: Option<IpAddr>,
    /// The socket of ours, and so its port.
    pub socket: SocketId,
}

/// One of the sockets of the link's owner, who numbers them: 0 if there is only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u8);

impl FourTuple {
    /// Whether packets between these addresses take the way that they take between `other`, whatever the ports.
    fn is_same_way(&self, other: &Self) -> bool {
        (self.remote.ip(), self.local) == (other.remote.ip(), other.local)
    }
}

impl From<SocketAddr> for FourTuple {
    fn from(remote: SocketAddr) -> Self {
        Self { remote, local: None, socket: SocketId::default() }
    }
}

/// The peer's addresses.
#[derive(Debug)]
pub(crate) struct PeerPath {
    proven: FourTuple,
    /// The one heard last stands first.
    candidates: Vec<Candidate>,
    challenged_at: Option<Time>,
    left: Option<Left>,
}

/// An address under validation.
#[derive(Debug)]
struct Candidate {
    at: FourTuple,
    /// The token of its challenges, once one has been sent.
    token: Option<u64>,
    /// Bytes that may still be sent to it.
    budget: u64,
    due: Time,
    answered: bool,
}

/// A path that was left.
#[derive(Debug)]
struct Left {
    at: FourTuple,
    when: Time,
    state: Box<PathState>,
}

/// What a move means for what is known of the path.
#[derive(Debug)]
pub(crate) enum Move {
    /// The way is the same, only the port is new.
    Rebinding,
    /// Another way, of which perhaps something is known: it was left not long ago.
    Elsewhere(Option<Box<PathState>>),
}

impl PeerPath {
    /// A peer whose address is taken as given: it came from the user, or from a handshake just finished.
    pub(crate) const fn new(proven: FourTuple) -> Self {
        Self { proven, candidates: Vec::new(), challenged_at: None, left: None }
    }

    /// Where to send.
    pub(crate) const fn proven(&self) -> FourTuple {
        self.proven
    }

    /// Whether there is anywhere to send: no host has port 0, and a client's peer may wait for its name's address.
    pub(crate) const fn is_known(&self) -> bool {
        self.proven.remote.port() != 0
    }

    /// The newest authentic packet came `from` there.
    pub(crate) fn heard_newest(&mut self, now: Time, from: FourTuple) {
        if from == self.proven {
            self.candidates.clear();
            return;
        }
        let known = self.candidates.iter().position(|candidate| candidate.at == from);
        let candidate = match known {
            Some(0) => return,
            Some(at) => self.candidates.remove(at),
            None => Candidate { at: from, token: None, budget: 0, due: now, answered: false },
        };
        self.candidates.truncate(CANDIDATES - 1);
        self.candidates.insert(0, candidate);
    }

    /// `bytes` of an authentic packet came `from` there.
    pub(crate) fn on_received(&mut self, from: FourTuple, bytes: usize) {
        if let Some(candidate) = self.candidates.iter_mut().find(|candidate| candidate.at == from) {
            candidate.budget = candidate.budget.saturating_add(bytes as u64 * FACTOR);
        }
    }

    /// The token of a challenge came back, wherever from: only who gets datagrams at the address that was challenged knows it
    /// (RFC 9000 section 8.2.3), and a copy of the answer may have overtaken it.
    pub(crate) fn on_response(&mut self, token: u64) {
        for candidate in &mut self.candidates {
            candidate.answered |= candidate.token == Some(token);
        }
    }

    /// An address that has answered its challenge.
    pub(crate) fn proof(&self) -> Option<FourTuple> {
        self.candidates.iter().find(|candidate| candidate.answered).map(|candidate| candidate.at)
    }

    /// Everything goes `to` there from now on.
    pub(crate) fn move_to(&mut self, now: Time, to: FourTuple) -> Move {
        let from = std::mem::replace(&mut self.proven, to);
        self.candidates.clear();
        if to.is_same_way(&from) {
            return Move::Rebinding;
        }
        let known = self.left.take();
        let known = known.filter(|left| left.at.is_same_way(&to) && now.since(left.when) < REMEMBERED);
        Move::Elsewhere(known.map(|left| left.state))
    }

    /// Keeps what is known of the path `at` that was just left.
    pub(crate) fn remember(&mut self, now: Time, at: FourTuple, state: PathState) {
        self.left = Some(Left { at, when: now, state: Box::new(state) });
    }

    /// A challenge of `size` bytes that must leave now: where to, and its token. `pto`: how long an answer may take.
    pub(crate) fn poll_challenge(
        &mut self,
        now: Time,
        pto: Duration,
        size: u64,
        random: &mut Random,
    ) -> Option<(FourTuple, u64)> {
        if self.timeout(size) > now {
            return None;
        }
        let due = |candidate: &&mut Candidate| candidate.due <= now && candidate.budget >= size;
        let candidate = self.candidates.iter_mut().find(due)?;
        candidate.budget -= size;
        candidate.due = now + pto.min(CHALLENGE_AGAIN);
        self.challenged_at = Some(now);
        Some((candidate.at, *candidate.token.get_or_insert_with(|| random.u64())))
    }

    /// When a challenge of `size` bytes is due.
    pub(crate) fn timeout(&self, size: u64) -> Time {
        let candidates = self.candidates.iter().filter(|candidate| candidate.budget >= size);
        let Some(due) = candidates.map(|candidate| candidate.due).min() else { return Time::NEVER };
        self.challenged_at.map_or(due, |at| due.max(at + CHALLENGE_GAP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 38;
    const PTO: Duration = Duration::from_millis(90);

    fn at(text: &str) -> FourTuple {
        text.parse::<SocketAddr>().unwrap().into()
    }

    fn heard(path: &mut PeerPath, now: Time, from: FourTuple, bytes: usize) {
        path.heard_newest(now, from);
        path.on_received(from, bytes);
    }

    #[test]
    fn a_new_address_gets_challenges_for_three_times_what_it_sent_until_it_answers() {
        let mut random = Random::from_seed([1; 32]);
        let (old, new) = (at("192.0.2.1:1"), at("192.0.2.2:1"));
        let (mut path, mut now) = (PeerPath::new(old), Time::ZERO);
        heard(&mut path, now, new, 30);
        let (to, token) = path.poll_challenge(now, PTO, SIZE, &mut random).unwrap();
        assert_eq!((to, path.proven()), (new, old), "the rest goes to the old one");
        assert_eq!(path.timeout(SIZE), now + PTO);
        now += PTO;
        assert_eq!(path.poll_challenge(now, PTO, SIZE, &mut random), Some((new, token)), "again, the same");
        assert_eq!(path.timeout(SIZE), Time::NEVER, "90 bytes, no more");
        path.on_response(token ^ 1);
        assert_eq!(path.proof(), None, "a wrong token proves nothing");
        path.on_response(token);
        assert_eq!(path.proof(), Some(new));
        assert!(matches!(path.move_to(now, new), Move::Elsewhere(None)));
        assert!(matches!(path.move_to(now, at("192.0.2.2:9")), Move::Rebinding));
    }

    #[test]
    fn a_newer_packet_from_the_proven_address_ends_the_validation_of_others() {
        let mut random = Random::from_seed([1; 32]);
        let (old, new) = (at("192.0.2.1:1"), at("192.0.2.2:1"));
        let mut path = PeerPath::new(old);
        heard(&mut path, Time::ZERO, new, 1_000);
        let (_, token) = path.poll_challenge(Time::ZERO, PTO, SIZE, &mut random).unwrap();
        heard(&mut path, Time::ZERO, old, 1_000);
        path.on_response(token);
        assert_eq!((path.proof(), path.timeout(SIZE)), (None, Time::NEVER));
    }

    #[test]
    fn copies_from_elsewhere_do_not_end_the_validation_of_the_peers_address() {
        let mut random = Random::from_seed([1; 32]);
        let (new, other) = (at("192.0.2.2:1"), at("192.0.2.3:1"));
        let (mut path, mut now) = (PeerPath::new(at("192.0.2.1:1")), Time::ZERO);
        heard(&mut path, now, new, 1_000);
        let (_, token) = path.poll_challenge(now, PTO, SIZE, &mut random).unwrap();
        heard(&mut path, now, other, 1_000);
        assert_eq!(path.poll_challenge(now, PTO, SIZE, &mut random), None, "not so soon");
        now += CHALLENGE_GAP;
        assert!(path.poll_challenge(now, PTO, SIZE, &mut random).is_some_and(|(to, _)| to == other));
        heard(&mut path, now, new, 1_000);
        path.on_response(token);
        assert_eq!(path.proof(), Some(new));
    }

    #[test]
    fn addresses_under_validation_are_few() {
        let mut path = PeerPath::new(at("192.0.2.1:1"));
        for port in 2..2_000 {
            heard(&mut path, Time::ZERO, SocketAddr::from(([192, 0, 2, 1], port)).into(), 1_000);
        }
        assert_eq!(path.candidates.len(), CANDIDATES);
        assert_eq!(path.candidates[0].at.remote.port(), 1_999);
    }
}
