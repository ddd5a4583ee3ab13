//! What owns the links at both ends, the clients, and what goes between them and proxy2.

use crate::sealed::crypto::keys::PublicKey;
use crate::sealed::link::{Event, Link};
use crate::sealed::streams::budget::Budget;
use crate::sealed::transport;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::frame::StreamId;
use crate::sim::{Application, Host, LinkEnd};
use crate::time::Time;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where proxy2 is.
pub(super) const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 4_000);

/// A datagram on its way to proxy2's or a client's address, and where it seems to come from. The network keeps it until an operation
/// says what becomes of it.
#[derive(Clone, Debug)]
pub(super) struct OnTheWire {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct FuzzClient {
    pub(super) end: LinkEnd<OpenStreams>,
    pub(super) at: SocketAddr,
    pub(super) ticket: usize,
}

#[derive(Default)]
pub(super) struct Clients(pub(super) Vec<FuzzClient>);

impl Clients {
    /// Whoever is at the address gets it.
    pub(super) fn handle(&mut self, now: Time, datagram: &mut OnTheWire) {
        for client in self.0.iter_mut().filter(|client| client.at == datagram.to) {
            client.end.handle(now, datagram.from, Ecn::NotCapable, &mut datagram.bytes);
        }
    }

    pub(super) fn drive(&mut self, now: Time, wire: &mut VecDeque<OnTheWire>) {
        for client in &mut self.0 {
            let from = client.at;
            client.end.drive(now, &mut |_, _, bytes| {
                wire.push_back(OnTheWire { from, to: SERVER, bytes: bytes.to_vec() });
            });
        }
    }
}

/// The address of the client that makes this link.
pub(super) fn address(link: u64) -> SocketAddr {
    let number = link.to_be_bytes()[7];
    SocketAddr::from(([198, 51, 100, number], 1_000 + u16::from(number)))
}

/// The streams that a client has open.
#[derive(Debug, Default)]
pub(super) struct OpenStreams(pub(super) Vec<StreamId>);

/// What uses proxy2's links: it takes what is opened, and gives each link its ticket's part of the memory.
#[derive(Debug)]
pub(super) struct Owner {
    streams: OpenStreams,
    parts: Vec<(PublicKey, Budget)>,
}

impl Owner {
    pub(super) fn new(parts: impl Iterator<Item = (PublicKey, Budget)>) -> Self {
        Self { streams: OpenStreams::default(), parts: parts.collect() }
    }

    pub(super) fn budgets(&self) -> impl Iterator<Item = &Budget> {
        self.parts.iter().map(|(_, part)| part)
    }
}

impl Application for Owner {
    fn handle_event(&mut self, now: Time, link: &mut Link, event: Event) -> bool {
        self.streams.handle_event(now, link, event)
    }

    fn adopt(&mut self, client: &PublicKey, link: Link) -> Link {
        let part = self.parts.iter().find(|(holder, _)| holder == client);
        link.sharing(&part.expect("only holders of tickets have links").1)
    }
}

impl Application for OpenStreams {
    /// Accepts, reads all there is, forgets what is over.
    fn handle_event(&mut self, now: Time, link: &mut Link, event: Event) -> bool {
        match event {
            Event::Stream(transport::Event::Incoming { id, .. }) => link.streams().accept(id),
            Event::Stream(transport::Event::Readable(id)) => read(now, link, id),
            Event::Stream(transport::Event::Reset(id, _)) => {
                read(now, link, id);
                link.streams().discard(id);
                self.0.retain(|open| *open != id);
            }
            Event::Stream(transport::Event::Closed(id)) => self.0.retain(|open| *open != id),
            Event::Restarted => self.0.clear(),
            Event::Gone | Event::Ended(_) | Event::Broken(_) => return true,
            Event::Stream(_)
            | Event::Up { .. }
            | Event::Refused(_)
            | Event::Moved(_)
            | Event::Unreachable
            | Event::Keepalive(_)
            | Event::Heard => {}
        }
        false
    }
}

fn read(now: Time, link: &mut Link, id: StreamId) {
    let all = link.streams().read_with(now, id, |slices| Ok::<_, Infallible>(slices.map(<[u8]>::len).sum()));
    all.unwrap_or_else(|never| match never {});
    if link.streams().is_read_to_end(id) {
        link.streams().finish(now, id);
    }
}
