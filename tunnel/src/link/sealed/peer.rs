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
    /// Silent for so long that it was told.
    lost: bool,
    timer: Pin<Box<Sleep>>,
    reload: Reload,
}

impl Peer {
    /// How long one address may be silent before the next is tried.
    const PATIENCE: Duration = Duration::from_secs(4);

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
            self.timer.as_mut().reset(Instant::now());
        }
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
            self.timer.as_mut().reset(Instant::now() + Self::PATIENCE);
            if self.next < self.addresses.len() {
                return Poll::Ready(self.try_next());
            }
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
        address
    }

    fn look_up(&mut self) {
        let host = self.host.clone();
        self.lookups += 1;
        self.lookup.spawn(async move { host.resolve().await });
    }
}
