//! Where proxy2 may be: at each port of each address that its names have. While it is silent all of them are tried in turn, and
//! the names are looked up again.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::ticket::Ticket;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};
use tracing::{Instrument, info, warn};

use crate::address::{HostPorts, ResolveError, is_of_one_machine};
use crate::link::sealed::client::diagnosis;

/// The peer's names, addresses and ports.
#[derive(Debug)]
pub(crate) struct PeerFinder {
    places: Vec<HostPorts>,
    /// They are the ticket's.
    follows_ticket: bool,
    addresses: Vec<SocketAddr>,
    /// The place of the next address to try.
    next: usize,
    lookup: JoinSet<LookedUp>,
    lookups: u64,
    looked_up: Instant,
    /// Told why there is no answer; it is told once a silence.
    told: JoinSet<()>,
    told_unknown: bool,
    silent: bool,
    /// Each address is tried for the first time since it is silent.
    racing: bool,
    /// Silent for so long that it was told.
    lost: bool,
    timer: Pin<Box<Sleep>>,
}

/// What came of looking all names up.
#[derive(Debug, Default)]
struct LookedUp {
    addresses: Vec<SocketAddr>,
    /// Of the last name that led nowhere.
    error: Option<ResolveError>,
}

impl PeerFinder {
    /// How long a name that leads to no answer is not looked up again, and how long one address may be silent before the next is
    /// tried while nobody waits for proxy2.
    const PATIENCE: Duration = Duration::from_secs(4);
    /// How long one address may be silent the first time that each is tried (RFC 8305 section 5 recommends 250 ms). The answer
    /// of an earlier one still counts.
    const STEP: Duration = Duration::from_millis(300);
    /// The same afterwards, while somebody waits: with the initiations to where it was last, once the first ones are over, there are two a
    /// second, and proxy2 lets one ticket have 31 of 500.
    const LATER_STEP: Duration = Duration::from_secs(1);
    /// Addresses looked at in all: with one a second they are all tried in a minute.
    const MOST: usize = 64;

    /// At these places; none: where the ticket says. Begins to look the names up, if there are any.
    pub(crate) fn new(places: Vec<HostPorts>, ticket: &Ticket) -> Self {
        let follows_ticket = places.is_empty();
        let places = if follows_ticket { places_of(ticket) } else { places };
        let mut peer = Self {
            addresses: literal(&places),
            places,
            follows_ticket,
            next: 1,
            lookup: JoinSet::new(),
            lookups: 0,
            looked_up: Instant::now(),
            told: JoinSet::new(),
            told_unknown: false,
            silent: true,
            racing: true,
            lost: false,
            timer: Box::pin(sleep(Self::STEP)),
        };
        peer.look_up();
        peer
    }

    /// Another one that looks at the same places, for a link that is answered.
    pub(crate) fn again(&self, ticket: &Ticket) -> Self {
        let places = if self.follows_ticket { Vec::new() } else { self.places.clone() };
        let mut again = Self::new(places, ticket);
        again.found();
        again
    }

    /// There is another ticket, which may say something else.
    pub(crate) fn take_ticket(&mut self, ticket: &Ticket) {
        let places = places_of(ticket);
        if !self.follows_ticket || places == self.places {
            return;
        }
        if places.is_empty() {
            warn!(places = %listed(&self.places), "the new ticket does not say where proxy2 is: it is looked for where it was");
            return;
        }
        (self.addresses, self.next, self.racing) = (literal(&places), 0, true);
        (self.places, self.told_unknown) = (places, false);
        // What is found under the old names does not count any more.
        self.lookup = JoinSet::new();
        self.look_up();
        self.timer.as_mut().reset(Instant::now());
    }

    /// Where to send at first, if that is known.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// How often the names were looked up again.
    pub(crate) const fn lookups(&self) -> u64 {
        self.lookups.saturating_sub(1)
    }

    /// It answers. Says whether somebody was told, or is about to be told, that it does not.
    pub(crate) fn found(&mut self) -> bool {
        self.silent = false;
        self.told.abort_all();
        std::mem::take(&mut self.lost)
    }

    /// It does not answer any more at `address`: says why, and looks for it elsewhere.
    pub(crate) fn lost(&mut self, address: SocketAddr) {
        self.lost = true;
        let others = self.addresses.iter().filter(|other| **other != address).count();
        if !self.addresses.is_empty() && self.told.is_empty() {
            let said = async move { warn!("{}", diagnosis::silence(address, others).await) };
            self.told.spawn(said.in_current_span());
        }
        if !std::mem::replace(&mut self.silent, true) {
            self.race_from(address);
            self.timer.as_mut().reset(Instant::now());
        }
    }

    /// Whether it does not answer, as far as is known.
    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }

    /// There is another link, which asks where the one before was; then it is looked for elsewhere.
    pub(crate) fn begin_again(&mut self, address: SocketAddr) {
        if !std::mem::replace(&mut self.silent, true) {
            self.race_from(address);
            self.next = 1;
            self.timer.as_mut().reset(Instant::now() + Self::STEP);
        }
    }

    /// Where it was found is where it is looked for first.
    fn race_from(&mut self, address: SocketAddr) {
        let here = self.addresses.iter().position(|known| *known == address).unwrap_or_default();
        self.addresses.rotate_left(here);
        (self.racing, self.next) = (true, 0);
    }

    /// Whether it has been silent for so long that it was told.
    pub(crate) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// News: perhaps an address to try. `waited`: somebody waits for proxy2.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, waited: bool) -> Poll<Option<SocketAddr>> {
        while matches!(self.told.poll_join_next(cx), Poll::Ready(Some(_))) {}
        if let Poll::Ready(Some(found)) = self.lookup.poll_join_next(cx) {
            return Poll::Ready(self.take(found.unwrap_or_default()));
        }
        if self.silent && self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(self.try_next(waited));
        }
        Poll::Pending
    }

    fn take(&mut self, found: LookedUp) -> Option<SocketAddr> {
        if let Some(error) = found.error
            // Once: the network may not be there yet.
            && !std::mem::replace(&mut self.told_unknown, true)
        {
            warn!("{error}. Still trying");
        }
        let is_news = found.addresses.iter().any(|address| !self.addresses.contains(address));
        if !is_news {
            return None;
        }
        if self.addresses.iter().any(|address| !found.addresses.contains(address)) {
            info!(places = %listed(&self.places), "proxy2's name has other addresses now");
        }
        (self.addresses, self.next, self.racing) = (found.addresses, 0, true);
        // A link that is up stays where it is.
        if self.silent { self.try_next(true) } else { None }
    }

    fn try_next(&mut self, waited: bool) -> Option<SocketAddr> {
        if self.looked_up.elapsed() >= Self::PATIENCE {
            self.look_up();
        }
        if self.next >= self.addresses.len() {
            (self.next, self.racing) = (0, false);
        }
        let address = self.addresses.get(self.next).copied();
        self.next += 1;
        let step = match (self.racing, waited) {
            (true, _) => Self::STEP,
            (false, true) => Self::LATER_STEP,
            (false, false) => Self::PATIENCE,
        };
        self.timer.as_mut().reset(Instant::now() + step);
        address
    }

    /// Looks all names up, unless there are none, or that is under way.
    pub(crate) fn look_up(&mut self) {
        if self.lookup.is_empty() && self.places.iter().any(HostPorts::is_name) {
            self.looked_up = Instant::now();
            self.lookups += 1;
            self.lookup.spawn(resolve(self.places.clone()));
        }
    }
}

/// Where the ticket says that proxy2 is.
pub(crate) fn places_of(ticket: &Ticket) -> Vec<HostPorts> {
    ticket.places().iter().map(HostPorts::from).collect()
}

/// The addresses of the places that are given by one.
fn literal(places: &[HostPorts]) -> Vec<SocketAddr> {
    let all = places.iter().filter_map(HostPorts::literal).flatten();
    all.filter(|address| is_of_one_machine(address.ip())).take(PeerFinder::MOST).collect()
}

/// The addresses of all places, in their order. Names are looked up beside each other, since a name service may be silent.
async fn resolve(places: Vec<HostPorts>) -> LookedUp {
    let mut asked = JoinSet::new();
    for (number, place) in places.into_iter().enumerate() {
        asked.spawn(async move { (number, place.resolve().await) });
    }
    let mut answers: Vec<_> = asked.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    let mut found = LookedUp::default();
    for (_, answer) in answers {
        match answer {
            Ok(addresses) => found
                .addresses
                .extend(addresses.into_iter().filter(|address| is_of_one_machine(address.ip()))),
            Err(error) => found.error = Some(error),
        }
    }
    found.addresses.truncate(PeerFinder::MOST);
    found
}

fn listed(places: &[HostPorts]) -> String {
    places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 9).into()
    }

    fn ticket() -> Ticket {
        let mut random = crate::entropy::random();
        let key = proto::sealed::crypto::keys::PrivateKey::generate(&mut random);
        Ticket::generate(key.public(), false, &mut random)
    }

    fn peer(addresses: &[u8]) -> PeerFinder {
        PeerFinder::new(addresses.iter().map(|last| address(*last).into()).collect(), &ticket())
    }

    #[tokio::test]
    async fn a_ticket_that_says_where_proxy2_is_is_followed_where_nobody_else_does() {
        let at = |text: &str| ticket().at(text.parse().unwrap());
        let mut peer = PeerFinder::new(Vec::new(), &at("192.0.2.1:9,10"));
        assert_eq!(peer.addresses.len(), 2);
        peer.take_ticket(&at("192.0.2.2:9"));
        assert_eq!(peer.addresses, [address(2)]);
        let mut told = self::peer(&[1]);
        told.take_ticket(&at("192.0.2.2:9"));
        assert_eq!(told.addresses, [address(1)]);
    }

    #[tokio::test]
    async fn all_addresses_are_tried_within_a_second_and_then_in_turn() {
        let mut peer = peer(&[1, 2, 3]);
        assert_eq!(peer.address(), Some(address(1)), "there the link begins");
        for last in [2, 3] {
            assert!(peer.timer.deadline() <= Instant::now() + PeerFinder::STEP);
            assert_eq!(peer.try_next(true), Some(address(last)));
        }
        for (waited, step) in [(true, PeerFinder::LATER_STEP), (false, PeerFinder::PATIENCE)] {
            let before = Instant::now();
            assert!(peer.try_next(waited).is_some());
            assert!(peer.timer.deadline() >= before + step, "all have been tried");
        }
    }

    #[tokio::test]
    async fn where_it_was_found_it_is_looked_for_first() {
        let mut peer = peer(&[1, 2, 3]);
        assert!(!peer.found(), "nobody was told that it is silent");
        peer.lost(address(2));
        let tried: Vec<_> = (0..4).filter_map(|_| peer.try_next(true)).collect();
        assert_eq!(tried, [2, 3, 1, 2].map(address));
        assert!(peer.found());
    }

    #[tokio::test]
    async fn new_addresses_are_tried_at_once_and_the_old_ones_forgotten() {
        let mut peer = peer(&[1]);
        let found = |addresses: &[u8]| LookedUp {
            addresses: addresses.iter().copied().map(address).collect(),
            error: None,
        };
        assert_eq!(peer.take(found(&[1])), None, "no news");
        assert_eq!(peer.take(found(&[2, 3])), Some(address(2)));
        peer.found();
        assert_eq!(peer.take(found(&[4])), None, "a link that is up stays where it is");
        assert_eq!(peer.addresses, [address(4)]);
    }
}
