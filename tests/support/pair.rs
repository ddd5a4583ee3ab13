//! A pair of proxies in this process, on free ports of loopback.

mod link;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tunnel::address::Listen;
use tunnel::metrics::{Counters, Registry};
use tunnel::session::{Bound, Handle, LinkHandle, Session};
use tunnel::settings::Classic;

use crate::middlebox::Middlebox;
use crate::seed::seed;
pub use link::{PairLink, SealedLink};

/// How long anything may take that is not a matter of the protocol's own timers.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One proxy that runs in the background until it is stopped or dropped.
#[derive(Debug)]
pub struct Proxy {
    /// TCP for a proxy1, UDP for a proxy2.
    pub address: SocketAddr,
    /// Where it receives datagrams; for a proxy2 the same.
    pub udp_address: SocketAddr,
    counters: watch::Receiver<Counters>,
    running: Handle,
}

impl Proxy {
    /// A proxy2 on a free port that dials `target`, with the defaults.
    pub async fn exit(target: SocketAddr) -> Self {
        Self::exit_with(Listen::loopback(0), target, Classic::default()).await
    }

    /// A proxy2.
    ///
    /// # Panics
    /// When it cannot be bound.
    pub async fn exit_with(listen: Listen, target: SocketAddr, link: impl Into<PairLink>) -> Self {
        let settings = link.into().exit(listen, target);
        Self::run(Session::bind(settings).await.expect("proxy2 can be bound"))
    }

    /// A proxy1 on a free port that speaks to the proxy2 at `peer`, with the defaults.
    pub async fn entry(peer: SocketAddr) -> Self {
        Self::entry_with(Listen::loopback(0), peer, Classic::default()).await
    }

    /// A proxy1.
    ///
    /// # Panics
    /// When it cannot be bound.
    pub async fn entry_with(listen: Listen, peer: SocketAddr, link: impl Into<PairLink>) -> Self {
        let settings = link.into().entry(listen, peer);
        Self::run(Session::bind(settings).await.expect("proxy1 can be bound"))
    }

    /// Runs a session.
    ///
    /// # Panics
    /// When it has no address.
    #[must_use]
    pub fn run(session: Session) -> Self {
        let udp = *session.udp_addresses().first().expect("it has a UDP socket");
        let address = session.listening().first().and_then(Bound::tcp).unwrap_or(udp);
        // The socket of a proxy1 is bound to every address.
        let udp_address = (address.ip(), udp.port()).into();
        let counters = session.counters();
        Self { address, udp_address, counters, running: session.run() }
    }

    /// Its link, if it is a sealed proxy1.
    ///
    /// # Panics
    /// It is not.
    #[must_use]
    pub fn link(&self) -> LinkHandle {
        self.running.link().expect("a sealed proxy1").clone()
    }

    /// What it has counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        *self.counters.borrow()
    }

    /// What it has counted, link by link.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        self.running.registry()
    }

    /// Waits until one of the counters is at least `least`.
    pub async fn wait_for_count(&mut self, counter: impl Fn(&Counters) -> u64, least: u64) {
        self.wait_until(&format!("the counter is {least}"), |now| counter(now) >= least).await;
    }

    /// Waits until the counters fulfil `condition`.
    ///
    /// # Panics
    /// When they do not for ten seconds.
    pub async fn wait_until(&mut self, what: &str, condition: impl FnMut(&Counters) -> bool) {
        let reached = tokio::time::timeout(PATIENCE, self.counters.wait_for(condition)).await.is_ok();
        assert!(reached, "never reached: {what}; {:?}", self.counters());
    }

    /// Ends it in order; what it counted.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(self) -> Counters {
        let closing = self.running.close();
        tokio::time::timeout(PATIENCE, closing).await.expect("it ends in time").expect("the UDP socket works")
    }

    /// Ends it as kill -9 would: nobody is told.
    pub async fn kill(self) {
        self.running.kill().await;
    }
}

/// A proxy2 and a proxy1 in front of it.
#[derive(Debug)]
pub struct Pair {
    /// Speaks to clients.
    pub proxy1: Proxy,
    /// Speaks to the target.
    pub proxy2: Proxy,
}

impl Pair {
    /// A classic pair with the defaults, in front of `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let proxy2 = Proxy::exit(target).await;
        Self { proxy1: Proxy::entry(proxy2.address).await, proxy2 }
    }

    /// A sealed pair with the defaults, in front of `target`.
    pub async fn start_sealed(target: SocketAddr) -> Self {
        Self::start_with(target, SealedLink::new()).await
    }

    /// A pair with settings of one's own for both sides.
    pub async fn start_with(target: SocketAddr, link: impl Into<PairLink>) -> Self {
        let link = link.into();
        let proxy2 = Proxy::exit_with(Listen::loopback(0), target, link.clone()).await;
        Self { proxy1: Proxy::entry_with(Listen::loopback(0), proxy2.address, link).await, proxy2 }
    }

    /// A pair with a middlebox between, which follows the seed of this run and lets everything pass at first.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start_apart(target: SocketAddr, link: impl Into<PairLink>) -> (Self, Middlebox) {
        let link = link.into();
        let proxy2 = Proxy::exit_with(Listen::loopback(0), target, link.clone()).await;
        let middlebox = Middlebox::start(proxy2.address, seed()).expect("loopback has free ports");
        let proxy1 = Proxy::entry_with(Listen::loopback(0), middlebox.address(), link).await;
        (Self { proxy1, proxy2 }, middlebox)
    }

    /// A client's connection to the proxy1.
    ///
    /// # Panics
    /// When it is not accepted.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.proxy1.address).await.expect("proxy1 accepts")
    }

    /// Waits until both sides have exactly `streams` streams.
    pub async fn wait_for_streams(&mut self, streams: u64) {
        self.proxy1.wait_until(&format!("{streams} streams at proxy1"), |now| now.streams == streams).await;
        self.proxy2.wait_until(&format!("{streams} streams at proxy2"), |now| now.streams == streams).await;
    }
}
