//! Where proxy2 is: one of the addresses its name has. While it is silent the others are tried, and the name is looked
//! up again.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};
use tracing::{info, warn};

use super::diagnosis;
use crate::address::{Host, HostPort, ResolveError};
use crate::reload::Reload;

/// The peer's name and addresses.
#[derive(Debug)]
pub(super) struct Peer {
    host: HostPort,
    addresses: Vec<SocketAddr>,
    /// The place of the next address to try.
    next: usize,
    lookup: JoinSet<Result<Vec<SocketAddr>, ResolveError>>,
    lookups: u64,
    /// Told why there is no answer; it is told once a silence.
    told: JoinSet<()>,
    told_unknown: bool,
    silent: bool,
    /// Each address is tried for the first time since it is silent.
    racing: bool,
    /// Silent for so long that it was told.
    lost: bool,
    timer: Pin<Box<Sleep>>,
    reload: Reload,
}

impl Peer {
    /// How long one address may be silent before the next is tried.
    const PATIENCE: Duration = Duration::from_secs(4);
    /// The same the first time that each is tried: the answer of an earlier one still counts.
    const STEP: Duration = Duration::from_millis(300);

    /// Begins to look the host up, if it is a name.
    pub(super) fn new(host: HostPort) -> Self {
        let mut peer = Self {
            host,
            addresses: Vec::new(),
            next: 0,
            lookup: JoinSet::new(),
            lookups: 0,
            told: JoinSet::new(),
            told_unknown: false,
            silent: true,
            racing: true,
            lost: false,
            timer: Box::pin(sleep(Self::PATIENCE)),
            reload: Reload::new(),
        };
        match peer.host.host {
            Host::Ip(ip) => peer.addresses.push(SocketAddr::new(ip, peer.host.port)),
            Host::Name(_) => peer.look_up(),
        }
        peer
    }

    /// Where to send at first, if that is known.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.addresses.first().copied()
    }

    /// How often the name was looked up again.
    pub(super) const fn lookups(&self) -> u64 {
        self.lookups.saturating_sub(1)
    }

    /// It answers. Says whether somebody was told, or is about to be told, that it does not.
    pub(super) fn found(&mut self) -> bool {
        self.silent = false;
        self.told.abort_all();
        std::mem::take(&mut self.lost)
    }

    /// It does not answer any more at `address`: says why, and looks for it elsewhere.
    pub(super) fn lost(&mut self, address: SocketAddr) {
        self.lost = true;
        if !self.addresses.is_empty() && self.told.is_empty() {
            self.told.spawn(async move { warn!("{}", diagnosis::silence(address).await) });
        }
        if !std::mem::replace(&mut self.silent, true) {
            self.racing = true;
            self.timer.as_mut().reset(Instant::now());
        }
    }

    /// Whether proxy2 is looked for, and this is one of the addresses at which it may be.
    pub(super) fn may_be_at(&self, address: SocketAddr) -> bool {
        self.silent && self.addresses.contains(&address)
    }

    /// News: perhaps another address to try.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<SocketAddr>> {
        while matches!(self.told.poll_join_next(cx), Poll::Ready(Some(_))) {}
        if self.reload.was_asked(cx) && self.host.is_name() && self.lookup.is_empty() {
            self.look_up();
        }
        if let Poll::Ready(Some(answer)) = self.lookup.poll_join_next(cx) {
            return Poll::Ready(self.take(answer.unwrap_or_else(|_| Ok(Vec::new()))));
        }
        if self.silent && self.lookup.is_empty() && self.timer.as_mut().poll(cx).is_ready() {
            if self.next < self.addresses.len() {
                return Poll::Ready(self.try_next());
            }
            self.timer.as_mut().reset(Instant::now() + Self::PATIENCE);
            if self.host.is_name() {
                self.look_up();
            }
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    fn take(&mut self, answer: Result<Vec<SocketAddr>, ResolveError>) -> Option<SocketAddr> {
        self.timer.as_mut().reset(Instant::now() + Self::PATIENCE);
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                if !self.addresses.is_empty() && self.addresses != addresses {
                    info!(host = %self.host, "proxy2's name has other addresses now");
                }
                self.addresses = addresses;
                self.next = 0;
                // A link that is up stays where it is.
                if self.silent { self.try_next() } else { None }
            }
            Ok(_) => None,
            Err(error) => {
                // Once: the network may not be there yet.
                if !std::mem::replace(&mut self.told_unknown, true) {
                    warn!("{error}. Trying on");
                }
                None
            }
        }
    }

    fn try_next(&mut self) -> Option<SocketAddr> {
        let address = self.addresses.get(self.next).copied();
        self.next += 1;
        self.racing &= self.next < self.addresses.len();
        let patience = if self.racing { Self::STEP } else { Self::PATIENCE };
        self.timer.as_mut().reset(Instant::now() + patience);
        address
    }

    fn look_up(&mut self) {
        let host = self.host.clone();
        self.lookups += 1;
        self.lookup.spawn(async move { host.resolve().await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 9).into()
    }

    #[tokio::test]
    async fn all_addresses_are_tried_within_a_second_and_then_in_turn() {
        let mut peer = Peer::new(address(1).into());
        assert_eq!(peer.take(Ok([1, 2, 3].map(address).to_vec())), Some(address(1)));
        for last in [2, 3] {
            assert!(peer.timer.deadline() <= Instant::now() + Peer::STEP);
            assert_eq!(peer.try_next(), Some(address(last)));
        }
        assert!(peer.timer.deadline() > Instant::now() + Peer::STEP, "all have been tried");
        assert!(
            [1, 2, 3].map(address).iter().all(|address| peer.may_be_at(*address)),
            "whoever answers is it"
        );
        assert!(!peer.may_be_at(address(4)));
        peer.found();
        assert!(!peer.may_be_at(address(2)), "it is not looked for");
    }
}
