//! One link and its connected socket, one step after the other.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::link::{Event, Link};
use proto::sealed::wire::end_code::EndCode;
use proto::sealed::wire::packet::Outer;
use proto::ticket::Ticket;
use tokio::net::UdpSocket;
use tokio::time::{sleep_until, timeout};

use super::socket::connected;
use crate::clock::Clock;
use crate::link::sealed::lone_link;
use crate::udp::{self, DATAGRAM_BUFFER, MAX_SEND};

/// A link to whoever is at one address.
pub(super) struct Driver {
    pub(super) link: Link,
    pub(super) events: VecDeque<Event>,
    pub(super) heard: Heard,
    socket: UdpSocket,
    peer: SocketAddr,
    clock: Clock,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

/// What came, whether it was good for anything or not.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Datagrams.
    pub(super) datagrams: u64,
    /// Of these, cookie replies: a busy proxy2 wants to see whether its answers arrive.
    pub(super) cookies: u64,
    /// Those that are the link's.
    pub(super) packets: u64,
    /// The highest of their numbers: proxy2 numbers them one by one, and leaves out one in some hundreds.
    pub(super) highest: u64,
    /// The largest of them, in bytes.
    pub(super) largest: usize,
    /// What a machine on the way said, by ICMP.
    pub(super) complaint: Option<io::ErrorKind>,
    /// Why this machine did not send, and nothing was sent since.
    pub(super) not_sent: Option<io::ErrorKind>,
}

impl Driver {
    /// Datagrams taken in one step.
    const STEP: usize = 64;

    /// A link that has sent nothing yet.
    ///
    /// # Errors
    /// There is no socket for it, or no way to the address.
    pub(super) async fn new(ticket: &Ticket, peer: SocketAddr) -> io::Result<Self> {
        let (socket, clock) = (connected(peer).await?, Clock::start());
        let mut link = lone_link(clock.now(), ticket);
        link.try_peer(peer);
        Ok(Self {
            link,
            events: VecDeque::new(),
            heard: Heard::default(),
            socket,
            peer,
            clock,
            outgoing: vec![0; MAX_SEND],
            incoming: vec![0; DATAGRAM_BUFFER],
        })
    }

    /// Now, by the clock of the link.
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Where the link's datagrams leave from.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Where they go to.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Sends what is due and waits for whatever comes first: a datagram, a timer of the link, `until`. Cancel safe.
    pub(super) async fn step(&mut self, until: Instant) {
        self.transmit().await;
        if !self.events.is_empty() {
            return;
        }
        let due = self.clock.instant(self.link.poll_timeout(self.now())).map_or(until, |due| due.min(until));
        tokio::select! {
            biased;
            _ = self.socket.readable() => self.receive(),
            () = sleep_until(due.into()) => {}
        }
        let now = self.now();
        if self.link.poll_timeout(now) <= now {
            self.link.handle_timeout(now);
        }
        self.transmit().await;
    }

    /// Sends what is due. What finds no room in the system's queue is lost there, as it would be in a queue on the way.
    pub(super) async fn transmit(&mut self) {
        let mut has_room = true;
        while let Some(what) = self.link.poll_transmit(self.clock.now(), Clock::unix(), &mut self.outgoing) {
            let contents = self.outgoing.get(..what.length).unwrap_or_default();
            for datagram in contents.chunks(what.segment.max(1)) {
                if !has_room {
                    break;
                }
                match timeout(ROOM, send(&self.socket, datagram, &mut self.heard.complaint)).await {
                    Ok(Ok(())) => self.heard.not_sent = None,
                    // The link tries larger ones than pass, on purpose.
                    Ok(Err(error)) if udp::is_too_large(&error) => {}
                    Ok(Err(error)) => self.heard.not_sent = Some(error.kind()),
                    Err(_) => has_room = false,
                }
            }
        }
        while let Some(event) = self.link.poll_event() {
            self.events.push_back(event);
        }
    }

    /// Sends something that is none of the link's.
    pub(super) async fn send_plain(&mut self, datagram: &[u8]) {
        // What comes of it shows in what comes back.
        let _ = self.socket.send(datagram).await;
    }

    /// The next datagram, whatever it is; `None`: the system says why there is none.
    pub(super) async fn receive_plain(&mut self) -> Option<&[u8]> {
        let received = self.socket.recv(&mut self.incoming).await;
        let length =
            received.map_err(|error| self.heard.complaint.get_or_insert_with(|| error.kind())).ok()?;
        self.incoming.get(..length)
    }

    fn receive(&mut self) {
        for _ in 0..Self::STEP {
            match self.socket.try_recv(&mut self.incoming) {
                Ok(length) => self.take(length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.heard.complaint.get_or_insert_with(|| error.kind());
                }
            }
        }
    }

    fn take(&mut self, length: usize) {
        let (now, heard_at) = (self.clock.now(), self.link.heard_at());
        let datagram = self.incoming.get_mut(..length).unwrap_or_default();
        let outer = Outer::parse(datagram);
        self.heard.datagrams += 1;
        self.heard.cookies += u64::from(outer == Some(Outer::Cookie));
        self.link.handle_datagram(now, self.peer, datagram);
        // Only what is authentic is heard.
        if let Some(Outer::Data(header)) = outer
            && self.link.heard_at() > heard_at
        {
            self.heard.packets += 1;
            self.heard.highest = self.heard.highest.max(header.counter);
            self.heard.largest = self.heard.largest.max(length);
        }
    }

    /// Ends the link: proxy2 has its place free again at once. Streams that end just now get a moment for it, or they would be cut off.
    pub(super) async fn close(&mut self) {
        const PATIENCE: Duration = Duration::from_millis(300);
        let until = Instant::now() + PATIENCE;
        while self.link.is_up() && self.link.streams().stream_count() > 0 && Instant::now() < until {
            self.step(until).await;
            self.events.clear();
        }
        self.link.close(EndCode::Shutdown);
        self.transmit().await;
    }
}

/// How long a datagram waits for room in the queue of the system: some of their own times on a path of 500 kbit/s. Answers wait meanwhile.
const ROOM: Duration = Duration::from_millis(100);

/// Sends a datagram; what an earlier one has met is told to the next send, which then sends nothing.
async fn send(socket: &UdpSocket, datagram: &[u8], complaint: &mut Option<io::ErrorKind>) -> io::Result<()> {
    let sent = match socket.send(datagram).await {
        Err(error) if is_complaint(&error) => {
            complaint.get_or_insert_with(|| error.kind());
            socket.send(datagram).await
        }
        sent => sent,
    };
    sent.map(drop)
}

/// Whether the system tells of an ICMP message, and not of this send.
fn is_complaint(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionRefused | Kind::ConnectionReset | Kind::HostUnreachable)
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("peer", &self.peer).field("heard", &self.heard).finish_non_exhaustive()
    }
}
