//! proxy1's end of its sealed link: datagrams from its sockets, and a link again whenever one is over.

mod heard;

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use proto::Time;
use proto::sealed::crypto::random::Random;
use proto::sealed::handshake::terms::Refusal;
use proto::sealed::link::{Event, FourTuple, Link, SocketId};
use proto::sealed::wire::end_code::EndCode;
use proto::sealed::wire::frame::ResetCode;
use proto::ticket::Ticket;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use tracing::{info, warn};

use crate::link::sealed::buffers::{Buffer, Buffers, RECEIVE_BUFFERS};
use crate::link::sealed::client::backoff::Backoff;
use crate::link::sealed::client::diagnosis;
use crate::link::sealed::client::keepalives::Keepalives;
use crate::link::sealed::client::peer::PeerFinder;
use crate::link::sealed::client::sockets::Sockets;
use crate::link::sealed::client::ticket_reader::TicketReader;
use crate::link::sealed::end::{End, Next};
use crate::link::sealed::status::LinkStatus;
use crate::metrics::Counters;
use crate::reload::Reload;
use crate::udp::{self, RecvMeta, Udp};
use crate::{descriptors, entropy};

/// The address of a peer that is not known yet: nothing can be sent there.
pub(crate) const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

/// Makes a new link to the same proxy2.
pub(crate) type Remake = Box<dyn FnMut(Time, &Ticket) -> Link + Send>;

/// The sockets, the peer, the ticket, and what is known of the link.
pub(crate) struct ClientEnd {
    sockets: Sockets,
    /// Kept, half a mebibyte: taking them from where they are shared was a seventh of the instructions of an echo.
    buffers: [Buffer; RECEIVE_BUFFERS],
    /// Where they are from.
    home: Buffers,
    peer: PeerFinder,
    ticket: TicketReader,
    /// `None`: another end makes the next link, and this one goes when its link is over.
    remake: Option<Remake>,
    keepalives: Keepalives,
    up: bool,
    /// What proxy2 said last, if it does not let this proxy1 in, and how often; the same is not told twice.
    refused: Option<(Refusal, u32)>,
    /// It has been told that the clocks differ.
    clock_told: bool,
    ending: bool,
    /// No link follows, and the last is over.
    over: bool,
    /// The operator's wish that the ticket and the names be read again.
    reload: Reload,
    backoff: Backoff,
    random: Random,
    /// The link must not ask yet.
    hold: Option<Hold>,
    status: watch::Sender<LinkStatus>,
}

/// A link that waits before it asks proxy2 for the first time: it does not know where proxy2 is until then.
struct Hold {
    over: Pin<Box<Sleep>>,
    path: FourTuple,
}

/// What proxy1's end is made of.
pub(crate) struct ClientParts {
    /// The socket, and others when they are needed.
    pub(crate) sockets: Sockets,
    /// Where proxy2 may be.
    pub(crate) peer: PeerFinder,
    /// What it joins proxy2 with.
    pub(crate) ticket: TicketReader,
    /// Makes another link after one that is over.
    pub(crate) remake: Remake,
    /// How often an idle link shows itself.
    pub(crate) keepalives: Keepalives,
    /// Told how the link is.
    pub(crate) status: watch::Sender<LinkStatus>,
}

impl ClientEnd {
    /// System calls that take from the socket before TCP gets its turn.
    const RECEIVES: usize = 4;

    /// proxy1's end, made of these parts.
    pub(crate) fn new(parts: ClientParts, buffers: &Buffers) -> Self {
        let ClientParts { sockets, peer, ticket, remake, keepalives, status } = parts;
        Self {
            sockets,
            buffers: std::array::from_fn(|_| buffers.take()),
            home: buffers.clone(),
            peer,
            ticket,
            remake: Some(remake),
            keepalives,
            up: false,
            refused: None,
            clock_told: false,
            ending: false,
            over: false,
            reload: Reload::new(),
            backoff: Backoff::default(),
            random: entropy::random(),
            hold: None,
            status,
        }
    }

    fn tell(&self, status: LinkStatus) {
        self.status.send_if_modified(|old| {
            let is_news = *old != status;
            *old = status;
            is_news
        });
    }

    /// Takes what one system call brings from the socket `id`. Pending: it is empty, and wakes the caller.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        counters: &mut Counters,
        id: SocketId,
    ) -> Poll<io::Result<()>> {
        let Some(udp) = self.sockets.get(id) else { return Poll::Pending };
        ready!(udp.poll_readable(cx))?;
        let mut metas = [RecvMeta::default(); RECEIVE_BUFFERS];
        let mut bufs = self.buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
        let filled = ready!(udp.poll_recv(cx, &mut bufs, &mut metas))?;
        for (meta, buffer) in metas.iter().zip(&mut self.buffers).take(filled) {
            let filled = buffer.get_mut(..meta.len).unwrap_or_default();
            for datagram in filled.chunks_mut(meta.stride.max(1)) {
                counters.datagrams_received += 1;
                let from = FourTuple { socket: id, ..meta.addr.into() };
                link.handle_marked(now, from, udp::ecn_of(meta), datagram);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// proxy2 may be at this address.
    fn look_at(&mut self, address: SocketAddr, link: &mut Link) {
        if let Some(hold) = &mut self.hold {
            if hold.path.remote == NOWHERE {
                hold.path.remote = address;
            }
            return;
        }
        let used = link.path();
        let socket = if self.peer.is_lost() { self.sockets.beside(used.socket) } else { used.socket };
        let at = FourTuple { socket, ..address.into() };
        // There it asks anyway.
        if at != used {
            link.try_peer(at);
        }
    }

    /// There is another ticket. A link that is well goes on with the one before, and with its streams; one that is not begins again.
    fn take_ticket(&mut self, now: Time, ticket: Ticket, link: &mut Link, counters: &mut Counters) -> Next {
        let is_stuck = self.peer.is_lost() || !link.is_up();
        self.refused = None;
        self.peer.take_ticket(&ticket);
        if link.set_ticket(ticket) {
            info!("there is another ticket: it is used from now on");
        } else if is_stuck {
            info!("there is another ticket: the link begins again with it");
            self.start_again(now, link, counters);
            return Next::Replaced(ResetCode::Reset);
        } else {
            info!("there is another ticket: this link goes on with the one before, the next one uses it");
        }
        Next::On
    }

    fn went_down(&mut self, counters: &mut Counters) {
        self.up = false;
        counters.links_up = 0;
    }

    /// The link is of no use any more, but there may be a proxy2 for another one. It is made at once, so that clients can
    /// wait for it, but asks only after a while: a proxy2 that ends each link must not get a thousand a second.
    fn start_again(&mut self, now: Time, link: &mut Link, counters: &mut Counters) {
        self.went_down(counters);
        let Some(remake) = &mut self.remake else {
            self.over = true;
            return;
        };
        let path = link.path();
        *link = remake(now, self.ticket.ticket());
        self.tell(LinkStatus::Joining);
        self.peer.begin_again(path.remote);
        let wait = self.backoff.next(now, self.random.u64());
        self.hold = Some(Hold { over: Box::pin(sleep(wait)), path });
    }
}

impl fmt::Debug for ClientEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientEnd").field("peer", &self.peer).field("up", &self.up).finish_non_exhaustive()
    }
}

impl End for ClientEnd {
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        counters: &mut Counters,
    ) -> io::Result<bool> {
        let mut more = false;
        for id in Sockets::IDS {
            let mut receives = 0;
            while let Poll::Ready(received) = self.poll_receive(cx, now, link, counters, id) {
                received?;
                receives += 1;
                if receives == Self::RECEIVES {
                    more = true;
                    break;
                }
            }
        }
        Ok(more)
    }

    fn poll_news(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        counters: &mut Counters,
    ) -> Poll<Next> {
        if self.ending {
            return Poll::Pending;
        }
        if let Some(hold) = &mut self.hold
            && hold.over.as_mut().poll(cx).is_ready()
        {
            link.try_peer(hold.path);
            self.hold = None;
            return Poll::Ready(Next::On);
        }
        if self.reload.was_asked(cx) {
            self.peer.look_up();
            if self.remake.is_some() {
                self.ticket.read_again();
            }
        }
        if let Poll::Ready(ticket) = self.ticket.poll(cx) {
            return Poll::Ready(self.take_ticket(now, ticket, link, counters));
        }
        let waited = link.streams().stream_count() > 0;
        let address = ready!(self.peer.poll(cx, waited));
        counters.name_lookups = self.peer.lookups();
        if let Some(address) = address {
            self.look_at(address, link);
            // There may be a socket that nobody has asked yet for what it brings.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Next::On)
    }

    fn admit(&self, link: &Link, patience: Duration) -> Result<(), (ResetCode, &'static str)> {
        if let Some((why, times)) = self.refused
            && !link.is_up()
            && diagnosis::is_final(why, times)
        {
            return Err((diagnosis::code_of(why), "proxy2 does not let this proxy1 in"));
        }
        if self.peer.is_silent() && patience.is_zero() {
            return Err((ResetCode::Unreachable, "proxy2 does not answer; see --when-down"));
        }
        Ok(())
    }

    fn event(&mut self, now: Time, event: &Event, link: &mut Link, counters: &mut Counters) -> Next {
        match event {
            Event::Up { first } => {
                self.backoff.came_up(now);
                self.came_up(*first, link, counters);
            }
            Event::Refused(refused) if refused.why == Refusal::ClockOff => self.clock_differs(refused),
            Event::Refused(refused) => {
                counters.handshakes_refused += 1;
                if link.has_newer_ticket() && !link.is_up() {
                    self.start_again(now, link, counters);
                    return Next::Replaced(ResetCode::Reset);
                }
                return self.was_refused(refused, link, counters);
            }
            Event::Restarted if self.remake.is_none() => {
                info!("the proxy2 that open streams were left at is gone: they were reset");
                link.close(EndCode::Shutdown);
                self.over = true;
            }
            Event::Restarted => info!("proxy2 has been restarted: open streams were reset, new ones work"),
            Event::Unreachable => {
                self.refused = None;
                self.tell(LinkStatus::Silent);
                self.peer.lost(link.peer());
            }
            Event::Heard => self.heard_again(link),
            Event::Moved(to) => self.moved(*to, counters),
            Event::Keepalive(interval) => self.keepalives.learnt(link.peer(), *interval),
            Event::Ended(_) if self.remake.is_none() => self.start_again(now, link, counters),
            Event::Ended(ended) => {
                info!(reason = %ended, "{}", diagnosis::ended(ended));
                self.start_again(now, link, counters);
            }
            Event::Broken(fault) => {
                warn!(%fault, "proxy2 broke the protocol: starting again");
                self.start_again(now, link, counters);
            }
            Event::Gone => self.start_again(now, link, counters),
            Event::Stream(_) => {}
        }
        Next::On
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn socket(&self, id: SocketId) -> Option<&Udp> {
        self.sockets.get(id)
    }

    fn refusal(&self) -> Option<String> {
        if let LinkStatus::Refused(why) = &*self.status.borrow() { Some(why.clone()) } else { None }
    }

    fn part(&mut self, now: Time, link: &Link) -> Option<(Self, Link)> {
        let sockets = self
            .sockets
            .part()
            .inspect_err(|error| warn!("no UDP socket for another link: {}", descriptors::explain(error)))
            .ok()?;
        let mut next = self.remake.as_mut()?(now, self.ticket.ticket());
        let path = FourTuple { socket: Sockets::IDS[0], ..link.path() };
        let wait = self.backoff.replaced(now, self.random.u64());
        self.hold = if wait.is_zero() {
            next.try_peer(path);
            None
        } else {
            Some(Hold { over: Box::pin(sleep(wait)), path })
        };
        let before = Self {
            sockets,
            buffers: std::array::from_fn(|_| self.home.take()),
            home: self.home.clone(),
            peer: self.peer.again(self.ticket.ticket()),
            ticket: self.ticket.again(),
            remake: None,
            keepalives: self.keepalives.clone(),
            up: std::mem::replace(&mut self.up, false),
            refused: None,
            clock_told: true,
            ending: false,
            over: false,
            reload: Reload::new(),
            backoff: Backoff::default(),
            random: entropy::random(),
            hold: None,
            status: watch::Sender::new(self.status.borrow().clone()),
        };
        self.tell(LinkStatus::Joining);
        Some((before, next))
    }

    fn leave_after(&self) -> Duration {
        Duration::ZERO
    }

    fn close(&mut self, link: &mut Link) {
        if self.remake.is_none() {
            link.close(EndCode::Shutdown);
            self.over = true;
        }
    }

    fn shutdown(&mut self) {
        self.ending = true;
        self.tell(LinkStatus::Closed);
    }
}
