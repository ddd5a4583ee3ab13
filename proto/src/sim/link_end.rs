//! A host that is one end of a link.

use super::clock::unix;
use super::host::Host;
use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::link::{Event, FourTuple, Link};
use crate::sealed::wire::ecn::Ecn;
use crate::time::Time;
use std::net::SocketAddr;

/// Bytes of a batch of datagrams: what one send may carry.
pub(super) const BATCH: usize = crate::MAX_UDP_PAYLOAD;

/// What uses a link: the program at its end.
pub trait Application {
    /// A link has something to tell. True: the link is over, and a server forgets it.
    fn handle_event(&mut self, now: Time, link: &mut Link, event: Event) -> bool;

    /// Reads and writes what it can; called after the events, whenever the host is driven.
    fn work(&mut self, _now: Time, _link: &mut Link) {}

    /// A server's new link, of this client: a chance to give it its part of the memory.
    fn adopt(&mut self, _client: &PublicKey, link: Link) -> Link {
        link
    }
}

/// Nobody: what happens is not looked at, and a link is never over.
impl Application for () {
    fn handle_event(&mut self, _now: Time, _link: &mut Link, _event: Event) -> bool {
        false
    }
}

/// A link, its application, and the socket before it. The client's side, or the server's without its table.
#[derive(Debug)]
pub struct LinkEnd<A> {
    /// The link.
    pub link: Link,
    /// What uses it.
    pub app: A,
    /// The process is stopped, as by SIGSTOP: what arrives waits in its socket.
    pub stopped: bool,
    in_socket: Vec<(SocketAddr, Ecn, Vec<u8>)>,
    room: Vec<u8>,
}

impl<A> LinkEnd<A> {
    /// A process that runs.
    pub fn new(link: Link, app: A) -> Self {
        Self { link, app, stopped: false, in_socket: Vec::new(), room: vec![0; BATCH] }
    }
}

impl<A: Application> Host for LinkEnd<A> {
    fn handle(&mut self, now: Time, from: SocketAddr, ecn: Ecn, datagram: &mut [u8]) {
        if self.stopped {
            return self.in_socket.push((from, ecn, datagram.to_vec()));
        }
        self.link.handle_marked(now, from, ecn, datagram);
    }

    fn drive(&mut self, now: Time, send: &mut dyn FnMut(FourTuple, Ecn, &[u8])) {
        if self.stopped {
            return;
        }
        for (from, ecn, mut datagram) in self.in_socket.drain(..) {
            self.link.handle_marked(now, from, ecn, &mut datagram);
        }
        self.link.handle_timeout(now);
        serve(now, &mut self.link, &mut self.app);
        transmit(now, &mut self.link, &mut self.room, send);
    }

    fn poll_timeout(&self, now: Time) -> Time {
        if self.stopped { Time::NEVER } else { self.link.poll_timeout(now) }
    }
}

/// Events, then the application's work. True: the link is over.
pub(super) fn serve(now: Time, link: &mut Link, app: &mut impl Application) -> bool {
    let mut over = false;
    while let Some(event) = link.poll_event() {
        over |= app.handle_event(now, link, event);
    }
    app.work(now, link);
    over
}

/// All that leaves now, datagram by datagram.
pub(super) fn transmit(
    now: Time,
    link: &mut Link,
    room: &mut [u8],
    send: &mut dyn FnMut(FourTuple, Ecn, &[u8]),
) {
    let mut more = true;
    while let Some(transmit) = link.poll_transmit(now, unix(now), room) {
        assert!(more, "no more, it said before: {transmit:?}");
        // Whoever does not ask again goes by the alarm.
        more = transmit.more || link.poll_timeout(now) <= now;
        for datagram in room[..transmit.length].chunks(transmit.segment) {
            send(transmit.path, transmit.ecn, datagram);
        }
    }
}
