//! One client of a UDP listener: a source address, with its datagrams in and its answers out.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::listener::Port;
use super::queue::DatagramQueue;
use super::{Delivery, FlowEnded, Incoming};
use crate::ready::keep_waker;
use crate::udp::Transmit;

/// Who a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientKey {
    /// Where its datagrams come from.
    pub(super) from: SocketAddr,
    /// The local address that it sends to, where the socket is bound to none: it is answered from there.
    pub(super) to: Option<IpAddr>,
}

/// The flow's end of a client. Dropped, it is forgotten: its next datagram makes a new one.
#[derive(Debug)]
pub(crate) struct UdpClient {
    port: Arc<Port>,
    mailbox: Arc<Mailbox>,
}

/// What the listener and the flow have in common.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) key: ClientKey,
    state: Mutex<MailboxState>,
}

#[derive(Debug)]
struct MailboxState {
    queue: DatagramQueue,
    waker: Option<Waker>,
    /// When a datagram last came from it or went to it.
    active: Instant,
    standing: Standing,
}

/// How a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It has a flow.
    Served,
    /// Its flow is to end.
    Evicted,
    /// Its flow was refused, and it gets no other before then.
    Refused(Instant),
}

/// What has become of a datagram that came from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// It waits for the flow.
    Taken,
    /// As many wait as may.
    Full,
    /// The client's flow was refused a moment ago.
    Refused,
    /// The client has no flow any more, and may have a new one.
    Gone,
}

impl Mailbox {
    /// How long a client whose flow was refused gets no other: it must not cost a stream each time that it sends.
    const HOLD: Duration = Duration::from_secs(1);

    pub(super) fn new(key: ClientKey, now: Instant) -> Arc<Self> {
        let state = MailboxState {
            queue: DatagramQueue::default(),
            waker: None,
            active: now,
            standing: Standing::Served,
        };
        Arc::new(Self { key, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A datagram has come from the client.
    pub(super) fn post(&self, now: Instant, datagram: &[u8]) -> Posted {
        let mut state = self.lock();
        match state.standing {
            Standing::Served => {}
            Standing::Refused(until) if now < until => return Posted::Refused,
            Standing::Refused(_) | Standing::Evicted => return Posted::Gone,
        }
        state.active = now;
        if !state.queue.push(datagram) {
            return Posted::Full;
        }
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        Posted::Taken
    }

    /// Since when it carries nothing; `None`: it has no flow, and its place can be taken.
    pub(super) fn idle_since(&self, now: Instant) -> Option<Instant> {
        let state = self.lock();
        match state.standing {
            Standing::Served => Some(state.active),
            Standing::Refused(until) => (now < until).then_some(now),
            Standing::Evicted => None,
        }
    }

    /// Its flow is to end.
    pub(super) fn evict(&self) {
        let mut state = self.lock();
        state.standing = Standing::Evicted;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl UdpClient {
    pub(super) const fn new(port: Arc<Port>, mailbox: Arc<Mailbox>) -> Self {
        Self { port, mailbox }
    }

    /// Where its datagrams come from.
    pub(crate) fn address(&self) -> SocketAddr {
        self.mailbox.key.from
    }

    /// The next datagram of the client; wakes when there is one.
    pub(super) fn poll_recv<'a>(&self, cx: &Context<'_>) -> Poll<Incoming<'a>> {
        let mut state = self.mailbox.lock();
        if let Some(datagram) = state.queue.pop() {
            return Poll::Ready(Incoming::Datagram(Cow::Owned(datagram)));
        }
        if state.standing == Standing::Evicted {
            return Poll::Ready(Incoming::Ended(FlowEnded::InOrder));
        }
        keep_waker(&mut state.waker, cx.waker());
        Poll::Pending
    }

    /// Answers the client, from the address that it has sent to.
    pub(super) fn send(&self, datagram: &[u8]) -> Delivery {
        let ClientKey { from, to } = self.mailbox.key;
        let transmit =
            Transmit { destination: from, ecn: None, contents: datagram, segment_size: None, src_ip: to };
        match self.port.udp.try_send(&transmit) {
            Ok(_) => {
                self.mailbox.lock().active = Instant::now();
                Delivery::Taken
            }
            Err(error) => Delivery::of(&error),
        }
    }

    /// There can be no flow for the client now.
    pub(crate) fn refuse(self) {
        let mut state = self.mailbox.lock();
        if state.standing == Standing::Served {
            state.standing = Standing::Refused(Instant::now() + Mailbox::HOLD);
        }
        state.queue.clear();
    }
}

impl Drop for UdpClient {
    fn drop(&mut self) {
        if matches!(self.mailbox.lock().standing, Standing::Served) {
            self.port.forget(&self.mailbox);
        }
    }
}
