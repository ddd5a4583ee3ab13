//! proxy1's role on a classic link: clients in, one peer.

use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use proto::Time;
use proto::classic::frame::{Datagram, Frame, Kind};
use proto::classic::{self, Closed, Counters as Table, Stream, StreamId, Violation};
use tracing::debug;

use super::journal::Journal;
use super::peer::Peer;
use super::side::{Arrival, Path, Received, Side};
use crate::entry::tcp::Acceptor;
use crate::metrics::Counters;

/// A table, a listener and a peer.
#[derive(Debug)]
pub(crate) struct Entry {
    table: classic::Entry,
    clients: Acceptor,
    peer: Peer,
    /// For each id the address that said `OK`. Its stream stays there when a later one tries another address.
    homes: [Option<SocketAddr>; StreamId::COUNT],
    strangers: u64,
    /// Clients refused because the peer's name was not known yet.
    unknown_peer: u64,
    /// The last datagram came from one.
    from_stranger: bool,
    ending: bool,
    journal: Journal,
}

impl Entry {
    /// An entry whose clients connect to `clients` and whose exit is `peer`.
    pub(crate) fn new(settings: classic::Settings, clients: Acceptor, peer: Peer) -> Self {
        let table = classic::Entry::new(settings);
        let homes = [None; StreamId::COUNT];
        Self {
            table,
            clients,
            peer,
            homes,
            strangers: 0,
            unknown_peer: 0,
            from_stranger: false,
            ending: false,
            journal: Journal::new(),
        }
    }

    /// Where datagrams with this id go.
    fn path_of(&self, id: StreamId) -> Path {
        Path { remote: self.home(id).unwrap_or_else(|| self.peer.address()), local: None }
    }

    /// Whether a datagram from `from` is to be believed: it came from its stream's home or, before there is one, from
    /// any of the peer's addresses.
    fn believes(&mut self, from: SocketAddr, datagram: &[u8]) -> bool {
        let known = self.peer.is_from(from);
        let id = Frame::parse(datagram).ok().map(|frame| frame.id);
        id.and_then(|id| self.home(id)).map_or(known, |home| home == from)
    }

    fn home(&self, id: StreamId) -> Option<SocketAddr> {
        self.homes.get(usize::from(id.number())).copied().flatten()
    }

    fn set_home(&mut self, id: StreamId, home: Option<SocketAddr>) {
        *self.homes.get_mut(usize::from(id.number())).expect("there is a place for each id") = home;
    }
}

impl Side for Entry {
    type Peer = ();

    fn path(&self, stream: Stream) -> Path {
        self.path_of(stream.id())
    }

    fn handle_datagram<'a>(&mut self, now: Time, from: Path, datagram: &'a [u8]) -> Option<Received<'a, ()>> {
        self.from_stranger = !self.believes(from.remote, datagram);
        if self.from_stranger {
            self.strangers += 1;
            return None;
        }
        Some(match self.table.handle_datagram(now, datagram)? {
            classic::entry::Received::Data { stream, payload } => Received::Data { stream, payload },
            classic::entry::Received::Opened { stream, early } => {
                self.set_home(stream.id(), Some(from.remote));
                Received::Opened { stream, early }
            }
            classic::entry::Received::Closed(closed) => Received::Closed(closed),
        })
    }

    fn poll_arrival(&mut self, cx: &mut Context<'_>, now: Time) -> Poll<Arrival<()>> {
        if self.ending {
            return Poll::Pending;
        }
        if self.peer.poll_lookup(cx).is_ready() {
            return Poll::Ready(Arrival::Nothing);
        }
        let (tcp, client) = ready!(self.clients.poll(cx));
        if !self.peer.is_known() {
            self.unknown_peer += 1;
            self.journal.refused(&"proxy2's name is not known yet");
            return Poll::Ready(Arrival::Surplus(tcp));
        }
        Poll::Ready(match self.table.open(now) {
            Ok(stream) => {
                debug!(id = %stream.id(), serial = stream.serial(), %client, "a client arrived");
                Arrival::Client(stream, tcp)
            }
            Err(busy) => {
                self.journal.refused(&busy);
                Arrival::Surplus(tcp)
            }
        })
    }

    fn is_dialling(&self) -> bool {
        false
    }

    fn poll_transmit(&mut self, now: Time) -> Option<(Path, Datagram)> {
        let datagram = self.table.poll_transmit()?;
        let Frame { kind, id, .. } = Frame::parse(&datagram).expect("a table sends only frames");
        if kind == Kind::Open {
            self.set_home(id, None);
            self.peer.note_request(now);
        }
        Some((self.path_of(id), datagram))
    }

    fn finish(&mut self, now: Time, stream: Stream) {
        self.table.finish(now, stream);
    }

    fn close(&mut self, now: Time, stream: Stream) {
        self.table.close(now, stream);
    }

    fn note_sent(&mut self, now: Time, stream: Stream) {
        self.table.note_sent(now, stream);
    }

    fn shutdown(&mut self, now: Time) {
        self.ending = true;
        self.table.shutdown(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.table.handle_timeout(now);
    }

    fn poll_event(&mut self) -> Option<Closed> {
        self.table.poll_event()
    }

    fn poll_violation(&mut self) -> Option<Violation> {
        if std::mem::take(&mut self.from_stranger) {
            return Some(Violation::Stranger);
        }
        self.table.poll_violation()
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.table.poll_timeout()
    }

    fn table(&self) -> &Table {
        self.table.counters()
    }

    fn streams(&self) -> usize {
        self.table.streams()
    }

    fn count(&self, counters: &mut Counters) {
        counters.lost.strangers = self.strangers;
        counters.unknown_peer = self.unknown_peer;
        counters.accept_failures = self.clients.failures();
        counters.lookups = self.peer.lookups();
    }
}
