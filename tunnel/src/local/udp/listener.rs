//! A UDP socket that serves clients: each address that sends to it is one.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep};
use tracing::warn;

use super::client::{ClientKey, Mailbox, Posted, UdpClient};
use crate::limit::Limit;
use crate::metrics::Counters;
use crate::udp::{DATAGRAM_BUFFER, RecvMeta, Udp, datagrams};

/// Clients of one listener at a time. Each holds a stream of the link and a descriptor at its other end.
pub(crate) const MAX_CLIENTS: usize = 1_024;

/// How long a client must have been silent before its place is given to another: a question and its answer are over by then.
const EVICTION_IDLE: Duration = Duration::from_secs(5);

/// What the socket's buffers should hold, in bytes: 7 ms at 1 Gbit/s, for as long as the link's task may be busy elsewhere.
const SOCKET_BUFFER: usize = 1 << 20;

/// The socket, and the clients that it has now. When it is dropped their flows end.
#[derive(Debug)]
pub(crate) struct UdpListener {
    port: Arc<Port>,
    buffer: Vec<u8>,
    /// A client that has just come.
    new: Option<UdpClient>,
    /// What is left of the buffer: who sent it, and what lies before it.
    rest: Option<(RecvMeta, usize)>,
    drops: UdpDrops,
    pause: Pin<Box<Sleep>>,
    failures: u64,
    lines: Limit,
}

/// The socket and its clients, as their flows see it.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) udp: Udp,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    known: HashMap<ClientKey, Arc<Mailbox>>,
    /// No place can be had before then: whoever sends from ever new addresses must not cost a search each time.
    full_until: Option<Instant>,
}

/// Datagrams of clients that went nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UdpDrops {
    /// No flow could be had for their client.
    pub(crate) no_flow: u64,
    /// As many as may had not been taken by the link.
    pub(crate) full: u64,
    /// Flows that have made place for others.
    pub(crate) evicted: u64,
}

impl UdpDrops {
    /// Adds them to the counters of the link that carries the clients.
    pub(crate) const fn count(self, counters: &mut Counters) {
        counters.flow_datagrams_no_flow += self.no_flow;
        counters.flow_datagrams_queue_full += self.full;
        counters.flows_evicted += self.evicted;
    }
}

impl UdpListener {
    /// How long to wait after a failure of the system.
    const PAUSE: Duration = Duration::from_millis(100);
    /// System calls in one go before others get their turn.
    const TURN: usize = 32;

    /// Binds the socket.
    ///
    /// # Errors
    /// Those of `bind`.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let udp = Udp::bind(address, SOCKET_BUFFER)?;
        // What is larger than the next network's MTU goes in fragments, as from any server.
        udp.allow_fragments();
        Ok(Self {
            port: Arc::new(Port { udp, clients: Mutex::default() }),
            buffer: vec![0; DATAGRAM_BUFFER],
            new: None,
            rest: None,
            drops: UdpDrops::default(),
            pause: Box::pin(sleep(Duration::ZERO)),
            failures: 0,
            lines: Limit::new(Instant::now()),
        })
    }

    /// The bound address.
    ///
    /// # Errors
    /// Those of `getsockname`.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.port.udp.local_addr()
    }

    /// How often receiving failed.
    pub(crate) const fn failures(&self) -> u64 {
        self.failures
    }

    /// What was dropped since the last call.
    pub(crate) fn take_drops(&mut self) -> UdpDrops {
        std::mem::take(&mut self.drops)
    }

    /// The next new client. Datagrams of those that are known go to their flows meanwhile.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<UdpClient> {
        for _ in 0..Self::TURN {
            self.distribute();
            if let Some(client) = self.new.take() {
                return Poll::Ready(client);
            }
            ready!(self.pause.as_mut().poll(cx));
            let mut metas = [RecvMeta::default()];
            let mut bufs = [IoSliceMut::new(&mut self.buffer)];
            match ready!(self.port.udp.poll_recv(cx, &mut bufs, &mut metas)) {
                Ok(_) => self.rest = metas.first().map(|meta| (*meta, 0)),
                Err(error) => self.wait(&error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Gives the datagrams in the buffer to their client's flow, up to the first of a new client.
    fn distribute(&mut self) {
        let Some((meta, done)) = self.rest.take() else { return };
        let now = Instant::now();
        let key = ClientKey { from: meta.addr, to: self.port.udp.answer_from(&meta) };
        let mailbox = self.port.find(&key);
        for (number, datagram) in datagrams(&self.buffer, &meta).enumerate().skip(done) {
            let posted = mailbox.as_ref().map_or(Posted::Gone, |mailbox| mailbox.post(now, datagram));
            match posted {
                Posted::Taken => {}
                Posted::Full => self.drops.full += 1,
                Posted::Refused => self.drops.no_flow += 1,
                Posted::Gone => match self.port.admit(key, now, &mut self.drops) {
                    Some(new) => {
                        self.new = Some(UdpClient::new(Arc::clone(&self.port), new));
                        // Once more from this datagram on, when the client has its flow.
                        self.rest = Some((meta, number));
                        return;
                    }
                    None => self.drops.no_flow += 1,
                },
            }
        }
    }

    fn wait(&mut self, error: &io::Error) {
        if let Some(held_back) = self.lines.pass(Instant::now()) {
            warn!(%error, held_back, "cannot receive datagrams of clients, trying again");
        }
        self.failures += 1;
        self.pause.as_mut().reset(tokio::time::Instant::now() + Self::PAUSE);
    }
}

impl Drop for UdpListener {
    fn drop(&mut self) {
        let known = std::mem::take(&mut self.port.lock().known);
        known.values().for_each(|mailbox| mailbox.evict());
    }
}

impl Port {
    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &ClientKey) -> Option<Arc<Mailbox>> {
        self.lock().known.get(key).cloned()
    }

    /// A place for a new client; `None`: all are taken by clients that are not idle.
    fn admit(&self, key: ClientKey, now: Instant, drops: &mut UdpDrops) -> Option<Arc<Mailbox>> {
        let mut clients = self.lock();
        clients.known.remove(&key);
        if clients.known.len() >= MAX_CLIENTS {
            clients.make_place(now, drops)?;
        }
        let mailbox = Mailbox::new(key, now);
        clients.known.insert(key, Arc::clone(&mailbox));
        Some(mailbox)
    }

    /// The client has no flow any more.
    pub(super) fn forget(&self, mailbox: &Arc<Mailbox>) {
        let mut clients = self.lock();
        if clients.known.get(&mailbox.key).is_some_and(|known| Arc::ptr_eq(known, mailbox)) {
            clients.known.remove(&mailbox.key);
            clients.full_until = None;
        }
    }
}

impl Clients {
    /// Takes the place of the client that has been idle for longest, if one has been for long enough.
    fn make_place(&mut self, now: Instant, drops: &mut UdpDrops) -> Option<()> {
        if self.full_until.is_some_and(|until| now < until) {
            return None;
        }
        // Those without a flow first: `None` is less than any time.
        let idle = self.known.iter().map(|(key, mailbox)| (mailbox.idle_since(now), *key));
        let (since, key) = idle.min_by_key(|(since, _)| *since)?;
        let until = since.map(|since| since + EVICTION_IDLE);
        if let Some(until) = until.filter(|until| now < *until) {
            self.full_until = Some(until);
            return None;
        }
        let mailbox = self.known.remove(&key)?;
        if since.is_some() {
            drops.evicted += 1;
        }
        mailbox.evict();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::net::UdpSocket;

    use super::super::{Delivery, FlowEnded, Incoming};
    use super::*;

    async fn next(client: &UdpClient) -> Option<Vec<u8>> {
        poll_fn(|cx| {
            client.poll_recv(cx).map(|incoming| match incoming {
                Incoming::Datagram(datagram) => Some(datagram.into_owned()),
                Incoming::Unreachable => unreachable!("a client is not connected"),
                Incoming::Ended(how) => {
                    assert_eq!(how, FlowEnded::InOrder);
                    None
                }
            })
        })
        .await
    }

    /// Waits for a datagram of a client that is known.
    async fn next_of(listener: &mut UdpListener, client: &UdpClient) -> Option<Vec<u8>> {
        tokio::select! {
            new = poll_fn(|cx| listener.poll(cx)) => panic!("a new client: {new:?}"),
            datagram = next(client) => datagram,
        }
    }

    fn listener() -> (UdpListener, SocketAddr) {
        let listener = UdpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn each_source_is_a_client_and_is_answered_from_where_it_sent_to() {
        let (mut listener, address) = (UdpListener::bind("0.0.0.0:0".parse().unwrap()).unwrap(), "127.0.0.1");
        let port = listener.local_addr().unwrap().port();
        let [one, two] = [UdpSocket::bind("127.0.0.1:0").await, UdpSocket::bind("127.0.0.1:0").await];
        let [one, two] = [one.unwrap(), two.unwrap()];
        one.connect((address, port)).await.unwrap();
        two.connect((address, port)).await.unwrap();
        one.send(b"from one").await.unwrap();
        let first = poll_fn(|cx| listener.poll(cx)).await;
        two.send(b"").await.unwrap();
        let second = poll_fn(|cx| listener.poll(cx)).await;
        assert_eq!(first.address(), one.local_addr().unwrap());
        // What makes a client is its first datagram, too.
        assert_eq!(next_of(&mut listener, &first).await.unwrap(), b"from one");
        assert_eq!(next_of(&mut listener, &second).await.unwrap(), b"");
        one.send(b"more").await.unwrap();
        assert_eq!(next_of(&mut listener, &first).await.unwrap(), b"more");
        assert_eq!(second.send(b"for two"), Delivery::Taken);
        let mut answer = [0; 16];
        assert_eq!(two.recv(&mut answer).await.unwrap(), 7);
        // A flow that is over is forgotten: the same source is a new client.
        drop(first);
        one.send(b"again").await.unwrap();
        let again = poll_fn(|cx| listener.poll(cx)).await;
        assert_eq!(again.address(), one.local_addr().unwrap());
        drop(listener);
        assert_eq!(next(&again).await, None, "nobody listens any more");
    }

    #[tokio::test]
    async fn a_client_that_was_refused_is_not_asked_for_again_at_once() {
        let (mut listener, address) = listener();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(b"x", address).await.unwrap();
        poll_fn(|cx| listener.poll(cx)).await.refuse();
        socket.send_to(b"x", address).await.unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        other.send_to(b"x", address).await.unwrap();
        let next = poll_fn(|cx| listener.poll(cx)).await;
        assert_eq!(next.address(), other.local_addr().unwrap());
        assert_eq!(listener.take_drops().no_flow, 2, "that which was refused, and the next");
    }

    #[test]
    fn the_longest_idle_client_makes_place_if_it_has_been_idle_for_long_enough() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _guard = runtime.enter();
        let listener = UdpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (port, start) = (&listener.port, Instant::now());
        let key = |number: u16| ClientKey { from: SocketAddr::new([127, 0, 0, 1].into(), number), to: None };
        let mut drops = UdpDrops::default();
        for number in 1..=1_024 {
            let at = start + Duration::from_millis(number.into());
            assert!(port.admit(key(number), at, &mut drops).is_some());
        }
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(port.admit(key(2_000), at(2_000), &mut drops).is_none());
        // The first has carried something since, the second is idle for longest.
        assert_eq!(port.find(&key(1)).unwrap().post(at(3_000), b"x"), Posted::Taken);
        assert!(port.admit(key(2_000), at(5_001), &mut drops).is_none());
        assert!(port.admit(key(2_000), at(5_002), &mut drops).is_some());
        assert!(port.find(&key(1)).is_some() && port.find(&key(2)).is_none());
        assert!(port.admit(key(2_001), at(5_002), &mut drops).is_none(), "the third is not yet");
        assert_eq!(drops, UdpDrops { evicted: 1, ..UdpDrops::default() });
    }

    #[tokio::test]
    async fn what_a_flow_does_not_take_is_dropped_beyond_a_bound() {
        let (mut listener, address) = listener();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&[0; 60_000], address).await.unwrap();
        let _client = poll_fn(|cx| listener.poll(cx)).await;
        for _ in 0..3 {
            socket.send_to(&[0; 60_000], address).await.unwrap();
        }
        // Whoever comes last shows that the others have been looked at.
        let last = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        last.send_to(b"last", address).await.unwrap();
        let next = poll_fn(|cx| listener.poll(cx)).await;
        assert_eq!(next.address(), last.local_addr().unwrap());
        assert_eq!(listener.take_drops(), UdpDrops { full: 2, ..UdpDrops::default() });
    }
}
