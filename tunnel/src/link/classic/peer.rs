//! Where proxy2 is: one of the addresses its name has, the one that answers.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};
use tracing::{debug, info, warn};

use crate::address::{HostPort, ResolveError};
use crate::reload::Reload;

/// The peer's addresses. While the one in use does not answer the others are asked too, one after the other, and after
/// the last one the name is looked up again.
#[derive(Debug)]
pub(crate) struct Peer {
    host: HostPort,
    /// Empty until the name service can be asked.
    addresses: Vec<SocketAddr>,
    /// Which of them comes first: the one that answered last.
    first: usize,
    /// How many of them are asked, from the first on.
    asked: usize,
    /// The first has answered, and was not silent for long since.
    settled: bool,
    /// A request waits for a sign of life.
    waiting: bool,
    /// When one more address is asked.
    step: Pin<Box<Sleep>>,
    lookup: JoinSet<Result<Vec<SocketAddr>, ResolveError>>,
    lookups: u64,
    retry: Retry,
    reload: Reload,
}

impl Peer {
    /// How long an address that has answered before may be silent, and how long all may be before their name is looked up again.
    /// Above the first repetition of a lost `C`, so that one lost datagram changes nothing.
    const PATIENCE: Duration = Duration::from_millis(1_500);
    /// How long the others may be silent before one more is asked beside them (RFC 8305 section 5; the sealed link's too).
    const STEP: Duration = Duration::from_millis(300);

    /// Looks the host up. If the name service cannot be asked now, it is asked again until it answers.
    ///
    /// # Errors
    /// Its name is unknown.
    pub(crate) async fn find(host: HostPort) -> Result<Self, ResolveError> {
        match host.resolve_at_start().await {
            Ok(addresses) => Ok(Self::known(host, addresses)),
            Err(error) if error.is_answer() => Err(error),
            Err(error) => {
                warn!("{error}. Still trying, clients are refused until then");
                Ok(Self::known(host, Vec::new()))
            }
        }
    }

    /// A peer whose name had these addresses when it was looked up.
    pub(crate) fn known(host: HostPort, addresses: Vec<SocketAddr>) -> Self {
        Self {
            host,
            addresses,
            first: 0,
            asked: 1,
            settled: false,
            waiting: false,
            step: Box::pin(sleep(Self::STEP)),
            lookup: JoinSet::new(),
            lookups: 0,
            retry: Retry::new(),
            reload: Reload::new(),
        }
    }

    /// Whether it has an address; once it has one it keeps one.
    pub(super) fn is_known(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Where to send what is no request.
    ///
    /// # Panics
    /// Before it is [known](Self::is_known).
    pub(super) fn address(&self) -> SocketAddr {
        *self.addresses.get(self.first).expect("streams are opened to a known peer only")
    }

    /// Where to send a request now, the best address first.
    pub(super) fn asked(&self) -> impl Iterator<Item = SocketAddr> {
        let in_turn = self.addresses.iter().cycle().skip(self.first);
        in_turn.take(self.asked.min(self.addresses.len())).copied()
    }

    /// How often the name was looked up again.
    pub(super) const fn lookups(&self) -> u64 {
        self.lookups
    }

    /// Whether this is one of its addresses.
    pub(super) fn has(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// A datagram came from `from`: if that is the address in use, it is alive.
    pub(super) fn note_alive(&mut self, from: SocketAddr) {
        if self.addresses.get(self.first) == Some(&from) {
            (self.asked, self.settled, self.waiting) = (1, true, false);
        }
    }

    /// The answer to a request came from `from`: that is the address in use from now on.
    pub(super) fn note_answer(&mut self, from: SocketAddr) {
        if let Some(place) = self.addresses.iter().position(|known| *known == from) {
            self.first = place;
            self.note_alive(from);
        }
    }

    /// A request is about to be sent, which the peer answers if it is there.
    pub(super) fn note_request(&mut self) {
        if !self.waiting && self.host.is_name() {
            self.waiting = true;
            let patience = if self.settled { Self::PATIENCE } else { self.pause() };
            self.step.as_mut().reset(Instant::now() + patience);
        }
    }

    /// Waits for news: the name may have other addresses, or one more address is to be asked. `asking`: a request is not
    /// answered yet.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, asking: bool) -> Poll<()> {
        let is_asked = self.reload.was_asked(cx) && self.host.is_name();
        let is_due = !self.is_known() && self.lookup.is_empty() && self.retry.poll(cx).is_ready();
        if is_asked || is_due {
            self.look_up();
        }
        if let Poll::Ready(Some(answer)) = self.lookup.poll_join_next(cx) {
            // A name service that is away is asked again with the next silent requests.
            if let Ok(Ok(addresses)) = answer {
                self.take(addresses);
            }
            return Poll::Ready(());
        }
        if !self.waiting {
            return Poll::Pending;
        }
        ready!(self.step.as_mut().poll(cx));
        self.ask_one_more(asking);
        Poll::Ready(())
    }

    /// The peer is silent.
    fn ask_one_more(&mut self, asking: bool) {
        if !asking {
            (self.waiting, self.asked) = (false, 1);
            return;
        }
        self.settled = false;
        if self.asked < self.addresses.len() {
            self.asked += 1;
            debug!(address = ?self.asked().last(), "proxy2 is silent, asking another address too");
        } else {
            self.look_up();
        }
        let pause = self.pause();
        self.step.as_mut().reset(Instant::now() + pause);
    }

    /// How long to wait for those that are asked.
    fn pause(&self) -> Duration {
        if self.asked < self.addresses.len() { Self::STEP } else { Self::PATIENCE }
    }

    fn take(&mut self, addresses: Vec<SocketAddr>) {
        if addresses == self.addresses {
            return;
        }
        if self.is_known() {
            info!(host = %self.host, "proxy2's name has other addresses now");
        } else {
            info!(host = %self.host, "proxy2's name is known now");
        }
        let in_use = self.addresses.get(self.first);
        let place = addresses.iter().position(|address| Some(address) == in_use);
        self.settled &= place.is_some();
        (self.first, self.asked, self.addresses) = (place.unwrap_or_default(), 1, addresses);
        let pause = self.pause();
        self.step.as_mut().reset(Instant::now() + pause);
    }

    fn look_up(&mut self) {
        if self.lookup.is_empty() {
            let host = self.host.clone();
            self.lookups += 1;
            self.lookup.spawn(async move { host.resolve().await });
        }
    }
}

/// When a name that is not known yet is looked up again.
#[derive(Debug)]
struct Retry {
    timer: Pin<Box<Sleep>>,
    pause: Duration,
}

impl Retry {
    /// A network that is coming up is there in a moment.
    const LEAST: Duration = Duration::from_millis(500);
    const MOST: Duration = Duration::from_secs(5);

    fn new() -> Self {
        Self { timer: Box::pin(sleep(Self::LEAST)), pause: Self::LEAST }
    }

    /// Ready after a pause, and then after a longer one.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.as_mut().poll(cx));
        self.pause = (self.pause * 2).min(Self::MOST);
        self.timer.as_mut().reset(Instant::now() + self.pause);
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 9).into()
    }

    /// A peer with three addresses, the first of which is being asked.
    fn peer() -> Peer {
        let host = HostPort { host: "three.invalid".parse().unwrap(), port: 9 };
        let mut peer = Peer::known(host, [1, 2, 3].map(address).to_vec());
        peer.note_request();
        peer
    }

    fn asked(peer: &Peer) -> Vec<SocketAddr> {
        peer.asked().collect()
    }

    /// Whether the next step comes within so long.
    fn within(peer: &Peer, time: Duration) -> bool {
        peer.step.deadline() <= Instant::now() + time
    }

    #[tokio::test]
    async fn all_addresses_are_asked_within_a_second_and_then_the_name_service() {
        let mut peer = peer();
        for last in 2..=3 {
            assert!(within(&peer, Peer::STEP));
            peer.ask_one_more(true);
            assert_eq!(asked(&peer).last(), Some(&address(last)));
        }
        assert!(!within(&peer, Peer::STEP), "all are asked");
        assert_eq!(peer.lookups(), 0);
        peer.ask_one_more(true);
        assert_eq!((peer.lookups(), asked(&peer).len()), (1, 3));
    }

    #[tokio::test]
    async fn who_has_answered_is_asked_alone_and_has_more_patience() {
        let mut peer = peer();
        peer.ask_one_more(true);
        peer.note_alive(address(2));
        assert_eq!(asked(&peer), [1, 2].map(address), "data of an older stream is no answer");
        peer.note_answer(address(2));
        assert_eq!((peer.address(), asked(&peer)), (address(2), vec![address(2)]));
        peer.note_request();
        assert!(!within(&peer, Peer::STEP) && within(&peer, Peer::PATIENCE));
        peer.ask_one_more(true);
        assert_eq!(asked(&peer), [2, 3].map(address));
    }

    #[tokio::test]
    async fn nothing_is_asked_when_nobody_waits() {
        let mut peer = peer();
        peer.ask_one_more(true);
        peer.ask_one_more(false);
        assert_eq!((peer.waiting, asked(&peer)), (false, vec![address(1)]));
    }
}
