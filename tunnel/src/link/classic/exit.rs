//! proxy2's role on a classic link: many peers, one target.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use proto::Time;
use proto::classic::frame::Datagram;
use proto::classic::{self, Closed, Stream, Violation};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};

use super::journal::Journal;
use super::side::{Arrival, Path, Received, Side};
use crate::address::HostPort;
use crate::local::dial::{DialError, DialSettings, SystemResolver, WantedHost, dial_host};
use crate::local::listener::ClientName;
use crate::metrics::Counters;
use crate::number::widen;
use crate::rules::Rules;

/// A table and the dials under way.
#[derive(Debug)]
pub(crate) struct Exit {
    table: classic::Exit<Path>,
    target: HostPort,
    dialling: DialSettings,
    names: SystemResolver,
    dials: JoinSet<(Stream<Path>, Result<TcpStream, DialError>)>,
    under_way: BTreeMap<Stream<Path>, AbortHandle>,
    /// Nothing more is dialled.
    draining: bool,
    ending: bool,
    journal: Journal,
}

impl Exit {
    /// An exit that dials `target` so.
    pub(crate) fn new(settings: classic::Settings, target: HostPort, dialling: DialSettings) -> Self {
        Self {
            table: classic::Exit::new(settings),
            target,
            dialling,
            names: SystemResolver::new(),
            dials: JoinSet::new(),
            under_way: BTreeMap::new(),
            draining: false,
            ending: false,
            journal: Journal::new(),
        }
    }

    fn begin_dial(&mut self, stream: Stream<Path>) {
        let (target, dialling, names) =
            (WantedHost::own(&self.target), self.dialling.clone(), self.names.clone());
        let dialled = async move { dial_host(&target, &Rules::target(), &dialling, &names).await };
        let handle = self.dials.spawn(async move { (stream, dialled.await.map(|(tcp, _)| tcp)) });
        self.under_way.insert(stream, handle);
    }

    fn end_dial(
        &mut self,
        now: Time,
        stream: Stream<Path>,
        dialled: Result<TcpStream, DialError>,
        counters: &mut Counters,
    ) -> Arrival<Path> {
        self.under_way.remove(&stream);
        match dialled {
            Ok(tcp) => match self.table.accepted(now, stream) {
                Some(early) => Arrival::Target { stream, tcp, early },
                None => Arrival::Nothing,
            },
            Err(error) => {
                error.count(counters);
                self.journal.refused(&error);
                self.table.refused(now, stream);
                Arrival::Nothing
            }
        }
    }
}

impl Side for Exit {
    type Peer = Path;
    const SERVES: bool = true;

    fn peer(&self) -> Option<SocketAddr> {
        None
    }

    fn path(&self, stream: Stream<Path>) -> Path {
        stream.peer()
    }

    fn handle_datagram<'a>(
        &mut self,
        now: Time,
        from: Path,
        datagram: &'a [u8],
        _counters: &mut Counters,
    ) -> Option<Received<'a, Path>> {
        match self.table.handle_datagram(now, from, datagram)? {
            classic::exit::Received::Dial(stream) => {
                if self.ending || self.draining {
                    self.table.refused(now, stream);
                } else {
                    self.begin_dial(stream);
                }
                None
            }
            classic::exit::Received::Data { stream, payload } => Some(Received::Data { stream, payload }),
            classic::exit::Received::Closed(closed) => {
                if let Some(dial) = self.under_way.remove(&closed.stream) {
                    dial.abort();
                }
                Some(Received::Closed(closed))
            }
        }
    }

    fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        counters: &mut Counters,
    ) -> Poll<Arrival<Path>> {
        if self.ending {
            return Poll::Pending;
        }
        match self.dials.poll_join_next(cx) {
            Poll::Ready(Some(Ok((stream, dialled)))) => {
                Poll::Ready(self.end_dial(now, stream, dialled, counters))
            }
            // An aborted dial.
            Poll::Ready(Some(Err(_))) => Poll::Ready(Arrival::Nothing),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn is_dialling(&self) -> bool {
        !self.under_way.is_empty()
    }

    fn poll_transmit(&mut self, _now: Time) -> Option<(Path, Datagram)> {
        self.table.poll_transmit()
    }

    fn finish(&mut self, now: Time, stream: Stream<Path>) {
        self.table.finish(now, stream);
    }

    fn close(&mut self, now: Time, stream: Stream<Path>) {
        self.table.close(now, stream);
    }

    fn note_sent(&mut self, now: Time, stream: Stream<Path>) {
        self.table.note_sent(now, stream);
    }

    fn end_of(&self, stream: Stream<Path>) -> (Option<ClientName>, String) {
        (Some(ClientName::At(stream.peer().remote)), self.target.to_string())
    }

    fn drain(&mut self) {
        self.draining = true;
    }

    fn shutdown(&mut self, now: Time) {
        self.ending = true;
        self.dials.abort_all();
        self.under_way.clear();
        self.table.shutdown(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.table.handle_timeout(now);
    }

    fn poll_event(&mut self) -> Option<Closed<Path>> {
        let closed = self.table.poll_event()?;
        if let Some(dial) = self.under_way.remove(&closed.stream) {
            dial.abort();
        }
        Some(closed)
    }

    fn poll_violation(&mut self) -> Option<Violation> {
        self.table.poll_violation()
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.table.poll_timeout()
    }

    fn count(&self, counters: &mut Counters) {
        counters.set_table(self.table.counters());
        counters.streams = widen(self.table.streams());
    }
}
