//! Where proxy2 is: one of the addresses its name has, the one that answers.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use proto::Time;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};
use tracing::{debug, info, warn};

use crate::address::{HostPort, ResolveError};
use crate::reload::Reload;

/// The peer's addresses. When the one in use does not answer, the next is tried, and after the last one the name is
/// looked up again.
#[derive(Debug)]
pub(crate) struct Peer {
    host: HostPort,
    /// Empty until the name service can be asked.
    addresses: Vec<SocketAddr>,
    /// Which of them is in use.
    current: usize,
    /// Since when a request waits for a sign of life.
    asked: Option<Time>,
    lookup: JoinSet<Result<Vec<SocketAddr>, ResolveError>>,
    lookups: u64,
    retry: Retry,
    reload: Reload,
}

impl Peer {
    /// How long a request may wait before another address is tried. Above the first repetition of a lost `C`, so that
    /// one lost datagram changes nothing.
    const PATIENCE: Duration = Duration::from_millis(1_500);

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
        let (lookup, retry, reload) = (JoinSet::new(), Retry::new(), Reload::new());
        Self { host, addresses, current: 0, asked: None, lookup, lookups: 0, retry, reload }
    }

    /// Whether it has an address; once it has one it keeps one.
    pub(super) fn is_known(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Where to send now.
    ///
    /// # Panics
    /// Before it is [known](Self::is_known).
    pub(super) fn address(&self) -> SocketAddr {
        *self.addresses.get(self.current).expect("streams are opened to a known peer only")
    }

    /// How often the name was looked up again.
    pub(super) const fn lookups(&self) -> u64 {
        self.lookups
    }

    /// A datagram came from `from`: whether that is the peer. If so it is alive there.
    pub(super) fn is_from(&mut self, from: SocketAddr) -> bool {
        match self.addresses.iter().position(|&known| known == from) {
            Some(index) => {
                self.current = index;
                self.asked = None;
                true
            }
            None => false,
        }
    }

    /// A request is about to be sent, which the peer answers if it is there.
    pub(super) fn note_request(&mut self, now: Time) {
        let since = *self.asked.get_or_insert(now);
        if now.since(since) < Self::PATIENCE || !self.host.is_name() {
            return;
        }
        self.asked = Some(now);
        self.current += 1;
        if self.current >= self.addresses.len() {
            self.current = 0;
            self.look_up();
        }
        debug!(address = %self.address(), "proxy2 is silent, trying another address");
    }

    /// Takes up the answer to a lookup, and begins one when it is time or when the operator wants it.
    pub(super) fn poll_lookup(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_asked = self.reload.was_asked(cx) && self.host.is_name();
        let is_due = !self.is_known() && self.lookup.is_empty() && self.retry.poll(cx).is_ready();
        if is_asked || is_due {
            self.look_up();
        }
        let Poll::Ready(Some(answer)) = self.lookup.poll_join_next(cx) else { return Poll::Pending };
        // A name service that is away is asked again with the next silent requests.
        if let Ok(Ok(addresses)) = answer
            && addresses != self.addresses
        {
            if self.is_known() {
                info!(host = %self.host, "proxy2's name has other addresses now");
            } else {
                info!(host = %self.host, "proxy2's name is known now");
            }
            self.addresses = addresses;
            self.current = 0;
        }
        Poll::Ready(())
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
