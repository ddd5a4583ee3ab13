//! Many clients of one proxy2 in this process: links alone, each with a socket of its own, and no program around them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail, ensure};
use proto::Time;
use proto::sealed::crypto::cipher::CipherSupport;
use proto::sealed::crypto::random::Random;
use proto::sealed::handshake::initiator::{Identity, Initiator};
use proto::sealed::handshake::terms::{Instance, LinkId, UnixMicros};
use proto::sealed::link::{Event, FourTuple, Link, Settings};
use proto::sealed::transport;
use proto::sealed::wire::packet::Kind;
use proto::ticket::Ticket;
use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};

/// What a datagram to a client may have; none of these clients asks for larger ones.
const DATAGRAM: usize = 2_048;

/// How long all links may take to come up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Clients that wait for streams of their peer, as those that publish something do: they stay up and show themselves.
#[derive(Debug)]
pub(crate) struct Crowd {
    began: Instant,
    peer: SocketAddr,
    settings: Settings,
    clients: JoinSet<Result<()>>,
    counts: Arc<CrowdCounts>,
}

/// What all clients have counted.
#[derive(Debug, Default)]
struct CrowdCounts {
    /// Which process of proxy2 it is.
    incarnation: AtomicU64,
    /// Links that have had keys of that one.
    up: AtomicU64,
    /// Initiations sent.
    initiations: AtomicU64,
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new(peer: SocketAddr, keepalive: Duration) -> Self {
        let transport = transport::Settings { max_datagram: 1_472, ..transport::Settings::default() };
        let settings = Settings { keepalive, transport, ..Settings::default() };
        let (clients, counts) = (JoinSet::new(), Arc::default());
        Self { began: Instant::now(), peer, settings, clients, counts }
    }

    /// One more for each ticket; waits until all are up. Not all at once, as what is measured here is not how soon so many come up.
    pub(crate) async fn join(&mut self, tickets: impl Iterator<Item = Ticket>) -> Result<()> {
        const AT_A_TIME: usize = 100;
        for ticket in tickets {
            let number = self.clients.len() as u64;
            let socket = UdpSocket::bind("127.0.0.1:0").await?;
            let random = random(self.began, number);
            let mut client = Client::new(self, socket, ticket, random, number);
            self.clients.spawn(async move { client.run().await });
            if self.clients.len().is_multiple_of(AT_A_TIME) {
                self.wait_for_links(Instant::now()).await?;
            }
        }
        self.wait_for_links(Instant::now()).await.map(drop)
    }

    /// proxy2 is gone: what is up from now on is up with the next.
    pub(crate) fn note_outage(&self) {
        self.counts.up.store(0, Ordering::Release);
        self.counts.incarnation.fetch_add(1, Ordering::Release);
    }

    /// Waits until all links are up; how long that took from `began` on.
    pub(crate) async fn wait_for_links(&mut self, began: Instant) -> Result<Duration> {
        let all = self.clients.len() as u64;
        loop {
            let there = self.counts.up.load(Ordering::Acquire);
            if there >= all {
                return Ok(began.elapsed());
            }
            ensure!(began.elapsed() < PATIENCE, "only {there} of {all} links are up");
            if let Some(ended) = self.clients.try_join_next() {
                ended??;
                bail!("a client has ended");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Initiations that all have sent.
    pub(crate) fn initiations(&self) -> u64 {
        self.counts.initiations.load(Ordering::Relaxed)
    }

    /// Looks from now on how many they send in each tenth of a second.
    pub(crate) fn watch_initiations(&self) -> Watched {
        let (counts, most) = (Arc::clone(&self.counts), Arc::<AtomicU64>::default());
        let kept = Arc::clone(&most);
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(100));
            let mut before = counts.initiations.load(Ordering::Relaxed);
            loop {
                tick.tick().await;
                let now = counts.initiations.load(Ordering::Relaxed);
                kept.fetch_max(now - before, Ordering::Relaxed);
                before = now;
            }
        });
        Watched { most, task }
    }
}

/// Looks until it is dropped.
#[derive(Debug)]
pub(crate) struct Watched {
    most: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watched {
    /// The most that were sent in a tenth of a second.
    pub(crate) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One client.
struct Client {
    began: Instant,
    socket: UdpSocket,
    link: Link,
    counts: Arc<CrowdCounts>,
    /// The last process of proxy2 that it was up with.
    incarnation: Option<u64>,
}

impl Client {
    fn new(crowd: &Crowd, socket: UdpSocket, ticket: Ticket, mut random: Random, number: u64) -> Self {
        let limits = Link::limits(&crowd.settings);
        let ciphers = CipherSupport { aes: true };
        let identity = Identity { link: LinkId(random.u64()), instance: Instance(number), ciphers, limits };
        let initiator = Initiator::new(ticket, identity);
        let now = time(crowd.began);
        let mut link = Link::client(now, crowd.peer, initiator, crowd.settings, random);
        link.expect_streams(true);
        Self { began: crowd.began, socket, link, counts: Arc::clone(&crowd.counts), incarnation: None }
    }

    async fn run(&mut self) -> Result<()> {
        let mut buffer = [0; DATAGRAM];
        loop {
            self.take_events()?;
            self.send().await?;
            let now = time(self.began);
            let wait = self.link.poll_timeout(now).since(now).min(Duration::from_secs(3_600));
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, from) = received?;
                    let from = FourTuple::from(from);
                    self.link.handle_datagram(time(self.began), from, &mut buffer[..length]);
                }
                () = tokio::time::sleep(wait) => self.link.handle_timeout(time(self.began)),
            }
        }
    }

    fn take_events(&mut self) -> Result<()> {
        while let Some(event) = self.link.poll_event() {
            match event {
                Event::Up { .. } => self.came_up(),
                Event::Ended(_) | Event::Gone | Event::Broken(_) | Event::Refused(_) => {
                    bail!("a link is over: {event:?}")
                }
                Event::Stream(_)
                | Event::Restarted
                | Event::Moved(_)
                | Event::Keepalive(_)
                | Event::Unreachable
                | Event::Heard => {}
            }
        }
        Ok(())
    }

    fn came_up(&mut self) {
        let incarnation = Some(self.counts.incarnation.load(Ordering::Acquire));
        if std::mem::replace(&mut self.incarnation, incarnation) != incarnation {
            self.counts.up.fetch_add(1, Ordering::AcqRel);
        }
    }

    async fn send(&mut self) -> Result<()> {
        let (mut out, now, unix) = ([0; DATAGRAM], time(self.began), unix());
        while let Some(transmit) = self.link.poll_transmit(now, unix, &mut out) {
            for datagram in out[..transmit.length].chunks(transmit.segment) {
                let is_initiation = Kind::of(datagram) == Some(Kind::Initiation);
                self.counts.initiations.fetch_add(u64::from(is_initiation), Ordering::Relaxed);
                self.socket.send_to(datagram, transmit.path.remote).await?;
            }
        }
        Ok(())
    }
}

fn time(began: Instant) -> Time {
    // Not at the epoch, so that there is a time before.
    Time::ZERO + Duration::from_secs(1) + began.elapsed()
}

fn unix() -> UnixMicros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMicros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Other randomness for each run and each client; these links carry no secrets.
fn random(began: Instant, number: u64) -> Random {
    let mut seed = [0; 32];
    let run = unix().0 ^ u64::try_from(began.elapsed().as_nanos()).unwrap_or_default();
    seed[..8].copy_from_slice(&run.to_be_bytes());
    seed[8..16].copy_from_slice(&number.to_be_bytes());
    Random::from_seed(seed)
}
