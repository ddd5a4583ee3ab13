//! What a link does for those at its own side: it carries the connections of listeners to the peer, and dials for the
//! peer's streams. Roles, not ends: proxy1 and proxy2 may each have both.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::sealed::link::Link;
use proto::sealed::wire::frame::{ResetCode, StreamId};
use tokio::net::TcpStream;
use tracing::warn;

use super::conn;
use super::dialler::Dialler;
use super::end::End;
use super::local_connection::LocalConnection;
use super::tally::Tally;
use crate::limit::Limit;
use crate::local::listener::Listener;
use crate::metrics::Count;

/// The roles of one end of a link.
#[derive(Debug)]
pub(super) struct Roles {
    listeners: Vec<Listener>,
    dialler: Option<Dialler>,
    /// Streams at a time.
    max_streams: usize,
    /// How long a client may wait for the peer to hear of its stream; zero: it is refused while the peer does not answer.
    patience: Duration,
    refusals: Limit,
    over: bool,
}

impl Roles {
    /// Carries the clients of these listeners.
    pub(super) fn listening(listeners: Vec<Listener>, max_streams: usize, patience: Duration) -> Self {
        let refusals = Limit::new(Instant::now());
        Self { listeners, dialler: None, max_streams, patience, refusals, over: false }
    }

    /// The same, and dials for the peer.
    #[must_use]
    pub(super) fn dialling(self, dialler: Dialler) -> Self {
        Self { dialler: Some(dialler), ..self }
    }

    /// Whether the peer's streams are carried on.
    pub(super) const fn dials(&self) -> bool {
        self.dialler.is_some()
    }

    /// How long a client may wait for the peer to hear of its stream.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// The next connection, of either role.
    pub(super) fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        end: &impl End,
        link: &mut Link,
        tally: &mut Tally,
    ) -> Poll<LocalConnection> {
        if self.over {
            return Poll::Pending;
        }
        if let Some(dialler) = &mut self.dialler
            && let Poll::Ready(dialled) = dialler.poll(cx)
        {
            return Poll::Ready(dialled);
        }
        for number in 0..self.listeners.len() {
            if let Some(listener) = self.listeners.get_mut(number)
                && let Poll::Ready((tcp, client)) = listener.poll(cx)
            {
                // One that always has somebody must not keep the others waiting.
                self.listeners.rotate_left(number + 1);
                tally.set(Count::AcceptFailures, self.listeners.iter().map(Listener::failures).sum());
                return Poll::Ready(self.take_client(tcp, client, end, link, tally));
            }
        }
        Poll::Pending
    }

    fn take_client(
        &self,
        tcp: TcpStream,
        client: std::net::SocketAddr,
        end: &impl End,
        link: &mut Link,
        tally: &mut Tally,
    ) -> LocalConnection {
        let (count, why) = match self.open(end, link) {
            Ok(id) => return LocalConnection::Client(id, tcp),
            Err(refused) => refused,
        };
        tally.one(count);
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            warn!(%client, held_back, "client refused: {why}");
        }
        conn::abort(&tcp);
        LocalConnection::Nothing
    }

    /// A stream for a client, or why there can be none.
    fn open(&self, end: &impl End, link: &mut Link) -> Result<StreamId, (Count, &'static str)> {
        end.admit(link, self.patience)?;
        let room = link.streams().stream_count() < self.max_streams;
        // A plain forward leaves the target to the peer.
        let id = room.then(|| link.streams().open(b"")).flatten();
        id.ok_or((Count::Limit, "as many streams as a link may have are open; see --streams of both proxies"))
    }

    /// The peer asks for a stream. The answer is an arrival, or this code.
    ///
    /// # Errors
    /// The stream is refused.
    pub(super) fn incoming(&mut self, id: StreamId, target: &[u8]) -> Result<(), ResetCode> {
        self.dialler.as_mut().ok_or(ResetCode::Forbidden)?.dial(id, target)
    }

    /// A stream that has no connection yet is over.
    pub(super) fn forget(&mut self, id: StreamId) {
        if let Some(dialler) = &mut self.dialler {
            dialler.give_up(id);
        }
    }

    /// All streams are over.
    pub(super) fn forget_all(&mut self) {
        if let Some(dialler) = &mut self.dialler {
            dialler.give_up_all();
        }
    }

    /// Nothing arrives any more.
    pub(super) fn shutdown(&mut self) {
        self.over = true;
        self.forget_all();
    }
}
