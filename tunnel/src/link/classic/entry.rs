//! proxy1's role on a classic link: clients in, one peer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use proto::Time;
use proto::classic::frame::{Answer, Datagram, Frame, Kind};
use proto::classic::{self, Closed, Reason, Stream, StreamId, Violation};
use tracing::debug;

use super::journal::Journal;
use super::peer::Peer;
use super::places::{Origin, StreamPeers};
use super::side::{Arrival, Path, Received, Side};
use crate::local::listener::{ClientName, Listener};
use crate::metrics::Counters;
use crate::number::widen;

/// A table, a listener and a peer.
#[derive(Debug)]
pub(crate) struct Entry {
    table: classic::Entry,
    /// `None` once nobody is accepted any more.
    clients: Option<Listener>,
    /// How often accepting had failed by then.
    failures: u64,
    peer: Peer,
    places: StreamPeers,
    /// Datagrams beside those of the table: requests to further addresses, and closes for who answered too late.
    extra: VecDeque<(Path, Datagram)>,
    /// The last datagram came from one.
    from_stranger: bool,
    ending: bool,
    journal: Journal,
}

impl Entry {
    /// An entry whose clients connect to `clients` and whose exit is `peer`.
    pub(crate) fn new(settings: classic::Settings, clients: Listener, peer: Peer) -> Self {
        let table = classic::Entry::new(settings);
        Self {
            table,
            clients: Some(clients),
            failures: 0,
            peer,
            places: StreamPeers::default(),
            extra: VecDeque::new(),
            from_stranger: false,
            ending: false,
            journal: Journal::new(),
        }
    }

    /// Where datagrams with this id go.
    fn path_of(&self, id: StreamId) -> Path {
        to(self.places.home(id).unwrap_or_else(|| self.peer.address()))
    }

    /// Whether a datagram from `from` is for the table: it came from its stream's home or, before there is one, from
    /// any of the peer's addresses. Of several that are asked, only an answer counts.
    fn believes(&mut self, from: SocketAddr, datagram: &[u8], counters: &mut Counters) -> bool {
        let known = self.peer.has(from);
        self.peer.note_alive(from);
        let Ok(frame) = Frame::parse(datagram) else {
            self.from_stranger = !known;
            return known;
        };
        let is_answer = frame.kind == Kind::Open && frame.answer().is_some();
        let origin = self.places.origin(frame.id, from, known, is_answer);
        self.from_stranger = origin == Origin::Stranger;
        counters.datagrams_from_second_address +=
            u64::from(matches!(origin, Origin::Late | Origin::Elsewhere));
        // Without this its stream would stay open. An `X` is never answered, and a refusal needs no close.
        if origin == Origin::Late && (frame.kind == Kind::Data || frame.answer() == Some(Answer::Opened)) {
            self.extra.push_back((to(from), Datagram::close(frame.id)));
        }
        origin == Origin::Home
    }

    /// The answer for `stream` came from `from`, for the first time.
    fn settle(&mut self, stream: Stream, from: SocketAddr) {
        self.places.settle(stream.id(), from);
        self.peer.note_answer(from);
    }

    /// Closes what a second proxy2 may have of the stream that is over.
    fn release(&mut self, id: StreamId) {
        let others = self.places.release(id);
        self.extra.extend(others.into_iter().map(|other| (to(other), Datagram::close(id))));
    }

    /// Streams whose `C` nobody has answered.
    fn unanswered(&self) -> impl Iterator<Item = StreamId> {
        let opening = |stream: &Stream| self.table.contains(*stream) && !self.table.is_open(*stream);
        self.places.homeless().filter(opening).map(|stream| stream.id())
    }

    /// Asks the peer's further addresses for the streams that are not answered.
    fn ask_further(&mut self) {
        for id in self.unanswered().collect::<Vec<_>>() {
            for address in self.peer.asked() {
                if self.places.ask(id, address) {
                    self.extra.push_back((to(address), Datagram::open(id)));
                }
            }
        }
    }

    /// Queues a request to every address that is asked.
    fn request(&mut self, id: StreamId, datagram: Datagram) {
        self.peer.note_request();
        for address in self.peer.asked() {
            self.places.ask(id, address);
        }
        let all = self.places.others(id).iter().map(|address| (to(*address), datagram));
        self.extra.extend(all);
    }
}

/// The path to `remote`, from whatever address the system picks.
const fn to(remote: SocketAddr) -> Path {
    Path { remote, local: None }
}

impl Side for Entry {
    type Peer = ();
    const SERVES: bool = false;

    fn peer(&self) -> Option<SocketAddr> {
        self.peer.is_known().then(|| self.peer.address())
    }

    fn path(&self, stream: Stream) -> Path {
        self.path_of(stream.id())
    }

    fn handle_datagram<'a>(
        &mut self,
        now: Time,
        from: Path,
        datagram: &'a [u8],
        counters: &mut Counters,
    ) -> Option<Received<'a, ()>> {
        if !self.believes(from.remote, datagram, counters) {
            counters.datagrams_from_strangers += u64::from(self.from_stranger);
            return None;
        }
        Some(match self.table.handle_datagram(now, datagram)? {
            classic::entry::Received::Data { stream, payload } => Received::Data { stream, payload },
            classic::entry::Received::Opened { stream, early } => {
                self.settle(stream, from.remote);
                Received::Opened { stream, early }
            }
            classic::entry::Received::Closed(closed) => {
                if closed.reason == Reason::Refused {
                    self.settle(closed.stream, from.remote);
                }
                self.release(closed.stream.id());
                Received::Closed(closed)
            }
        })
    }

    fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        counters: &mut Counters,
    ) -> Poll<Arrival<()>> {
        if self.ending {
            return Poll::Pending;
        }
        let asking = self.unanswered().next().is_some();
        if self.peer.poll(cx, asking).is_ready() {
            self.ask_further();
            return Poll::Ready(Arrival::Nothing);
        }
        let Some(clients) = &mut self.clients else { return Poll::Pending };
        let (tcp, client) = ready!(clients.poll(cx));
        if !self.peer.is_known() {
            counters.clients_refused_unknown_peer += 1;
            self.journal.refused(&"proxy2's name is not known yet");
            return Poll::Ready(Arrival::Surplus(tcp));
        }
        Poll::Ready(match self.table.open(now) {
            Ok(stream) => {
                self.places.begin(stream);
                debug!(id = %stream.id(), serial = stream.serial(), %client, "a client arrived");
                Arrival::Client(stream, tcp, client)
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

    fn poll_transmit(&mut self, _now: Time) -> Option<(Path, Datagram)> {
        if let Some(extra) = self.extra.pop_front() {
            return Some(extra);
        }
        let datagram = self.table.poll_transmit()?;
        let Frame { kind, id, .. } = Frame::parse(&datagram).expect("a table sends only frames");
        if kind == Kind::Open {
            self.request(id, datagram);
            return self.extra.pop_front();
        }
        let path = self.path_of(id);
        // Before there is a home, it is among those that are asked.
        self.release(id);
        self.extra.retain(|(to, close)| (to, close) != (&path, &datagram));
        Some((path, datagram))
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

    fn end_of(&self, _stream: Stream) -> (Option<ClientName>, String) {
        (None, String::new())
    }

    fn drain(&mut self) {
        if let Some(clients) = self.clients.take() {
            self.failures = clients.failures();
        }
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

    fn count(&self, counters: &mut Counters) {
        counters.set_table(self.table.counters());
        counters.streams = widen(self.table.streams());
        counters.accept_failures = self.clients.as_ref().map_or(self.failures, Listener::failures);
        counters.name_lookups = self.peer.lookups();
    }
}
