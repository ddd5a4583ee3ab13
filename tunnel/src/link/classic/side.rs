//! What differs between the two roles of a classic link.

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use proto::Time;
use proto::classic::frame::Datagram;
use proto::classic::{Closed, Stream, Violation};
use tokio::net::TcpStream;

use crate::local::listener::ClientName;
use crate::metrics::Counters;

/// Where datagrams come from or go to: the other proxy's address, and ours if the socket has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    /// The other proxy.
    pub(crate) remote: SocketAddr,
    /// The local address it sent to, which the answer must come from. `None`: whatever the system picks.
    pub(crate) local: Option<IpAddr>,
}

/// What a datagram brought, in either role.
#[derive(Debug)]
pub(crate) enum Received<'a, P> {
    /// Bytes for a stream's TCP connection.
    Data {
        /// Whose.
        stream: Stream<P>,
        /// The bytes.
        payload: &'a [u8],
    },
    /// The stream may be read from now on; write `early` first.
    Opened {
        /// Which.
        stream: Stream<P>,
        /// Bytes that came before.
        early: Vec<u8>,
    },
    /// A stream ended.
    Closed(Closed<P>),
}

/// A TCP connection that a role brings, or the news that there is none.
#[derive(Debug)]
pub(crate) enum Arrival<P> {
    /// A client; its stream is opening.
    Client(Stream<P>, TcpStream, ClientName),
    /// A client that cannot have a stream.
    Surplus(TcpStream),
    /// A dialled target; write `early` first.
    Target {
        /// Whose.
        stream: Stream<P>,
        /// The connection.
        tcp: TcpStream,
        /// Bytes that came before it was there.
        early: Vec<u8>,
    },
    /// Something else happened that needs no connection.
    Nothing,
}

/// One role: its table of streams and where its connections come from.
pub(crate) trait Side {
    /// What names the other proxy in the table.
    type Peer: Copy + Ord + Debug;
    /// Whether it waits for other proxies to send.
    const SERVES: bool;

    /// The address of the other proxy, if there is one that is known.
    fn peer(&self) -> Option<SocketAddr>;
    /// Where the data of `stream` goes.
    fn path(&self, stream: Stream<Self::Peer>) -> Path;
    /// A datagram came.
    fn handle_datagram<'a>(
        &mut self,
        now: Time,
        from: Path,
        datagram: &'a [u8],
        counters: &mut Counters,
    ) -> Option<Received<'a, Self::Peer>>;
    /// The next connection or news.
    fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        counters: &mut Counters,
    ) -> Poll<Arrival<Self::Peer>>;
    /// Whether other tasks work on a connection that this one waits for.
    fn is_dialling(&self) -> bool;
    /// The next datagram that carries no data, and where it goes.
    fn poll_transmit(&mut self, now: Time) -> Option<(Path, Datagram)>;
    /// See [`proto::classic::Entry::finish`].
    fn finish(&mut self, now: Time, stream: Stream<Self::Peer>);
    /// See [`proto::classic::Entry::close`].
    fn close(&mut self, now: Time, stream: Stream<Self::Peer>);
    /// See [`proto::classic::Entry::note_sent`].
    fn note_sent(&mut self, now: Time, stream: Stream<Self::Peer>);
    /// Who a stream is for that the other proxy has asked for, and where it goes.
    fn end_of(&self, stream: Stream<Self::Peer>) -> (Option<ClientName>, String);
    /// Accepts nothing new any more; what there is goes on.
    fn drain(&mut self);
    /// See [`proto::classic::Entry::shutdown`]; nothing arrives any more.
    fn shutdown(&mut self, now: Time);
    /// See [`proto::classic::Entry::handle_timeout`].
    fn handle_timeout(&mut self, now: Time);
    /// See [`proto::classic::Entry::poll_event`].
    fn poll_event(&mut self) -> Option<Closed<Self::Peer>>;
    /// The rule that the last datagram broke, if it broke one; said once.
    fn poll_violation(&mut self) -> Option<Violation>;
    /// See [`proto::classic::Entry::poll_timeout`].
    fn poll_timeout(&self) -> Option<Time>;
    /// Sets what others count for this role: its table, what its connections come from.
    fn count(&self, counters: &mut Counters);
}
