//! Where proxy2 is: one of the addresses its name has, the one that answers.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::Time;
use tokio::task::JoinSet;
use tracing::{debug, info};

use crate::address::{HostPort, ResolveError};

/// The peer's addresses. When the one in use does not answer, the next is tried, and after the last one the name is
/// looked up again.
#[derive(Debug)]
pub(crate) struct Peer {
    host: HostPort,
    /// Never empty.
    addresses: Vec<SocketAddr>,
    /// Which of them is in use.
    current: usize,
    /// Since when a request waits for a sign of life.
    asked: Option<Time>,
    lookup: JoinSet<Result<Vec<SocketAddr>, ResolveError>>,
    lookups: u64,
}

impl Peer {
    /// How long a request may wait before another address is tried. Above the first repetition of a lost `C`, so that
    /// one lost datagram changes nothing.
    const PATIENCE: Duration = Duration::from_millis(1_500);

    /// Looks the host up.
    ///
    /// # Errors
    /// Its name is unknown.
    pub(crate) async fn find(host: HostPort) -> Result<Self, ResolveError> {
        let addresses = host.resolve().await?;
        Ok(Self { host, addresses, current: 0, asked: None, lookup: JoinSet::new(), lookups: 0 })
    }

    /// A peer whose name had these addresses when it was looked up.
    #[cfg(test)]
    pub(crate) fn known(host: HostPort, addresses: Vec<SocketAddr>) -> Self {
        Self { host, addresses, current: 0, asked: None, lookup: JoinSet::new(), lookups: 0 }
    }

    /// Where to send now.
    pub(super) fn address(&self) -> SocketAddr {
        *self.addresses.get(self.current).expect("`current` is below the number of addresses")
    }

    /// How often the name was looked up again.
    pub(super) const fn lookups(&self) -> u64 {
        self.lookups
    }

    /// A datagram came from `from`: whether that is the peer. If so it is alive there.
    pub(super) fn is_from(&mut self, from: SocketAddr) -> bool {
        if from == self.address() {
            self.asked = None;
            return true;
        }
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

    /// Takes up the answer to a lookup.
    pub(super) fn poll_lookup(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Poll::Ready(Some(answer)) = self.lookup.poll_join_next(cx) else { return Poll::Pending };
        // A name service that is away is asked again with the next silent requests.
        if let Ok(Ok(addresses)) = answer
            && addresses != self.addresses
        {
            info!(host = %self.host, "proxy2's name has other addresses now");
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
