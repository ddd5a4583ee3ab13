//! What differs between the two roles of a sealed link.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::Time;
use proto::sealed::link::{Event, Link, SocketId};
use proto::sealed::wire::frame::{ResetCode, StreamId};
use tokio::net::TcpStream;

use crate::link::sealed::tally::Tally;
use crate::link::sealed::ticket_share::StreamPlace;
use crate::udp::Udp;

/// What a role brings.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A client; its stream has been opened.
    Client(StreamId, TcpStream),
    /// A target that was dialled, and the place its stream has.
    Target(StreamId, TcpStream, StreamPlace),
    /// A target that could not be dialled, and why.
    Failed(StreamId, ResetCode, String),
    /// Something else happened.
    Nothing,
}

/// Whether a link goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It does.
    On,
    /// It does, but its streams cannot be now: they are reset with this code.
    Refuse(ResetCode),
    /// It is over.
    Over,
}

/// One role: where its datagrams and connections come from.
pub(super) trait End: Send {
    /// Gives the link the datagrams that came. Says whether there were any.
    ///
    /// # Errors
    /// The socket is broken.
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        tally: &mut Tally,
    ) -> io::Result<bool>;
    /// The next connection or news.
    fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        tally: &mut Tally,
    ) -> Poll<Arrival>;
    /// The peer asks for a stream. The answer is an arrival, or this code.
    ///
    /// # Errors
    /// The stream is refused.
    fn incoming(&mut self, id: StreamId, target: &[u8]) -> Result<(), ResetCode>;
    /// A stream that has no connection yet is over.
    fn forget(&mut self, id: StreamId);
    /// All streams are over.
    fn forget_all(&mut self);
    /// Something about the link that is not about a stream.
    fn event(&mut self, now: Time, event: &Event, link: &mut Link, tally: &mut Tally) -> Next;
    /// Whether the link is to end once what it has to say has been sent.
    fn is_over(&self) -> bool;
    /// How long a client may wait for the peer to hear of its stream.
    fn patience(&self) -> Duration;
    /// One of the sockets that datagrams leave by.
    fn socket(&self, id: SocketId) -> Option<&Udp>;
    /// Nothing arrives any more.
    fn shutdown(&mut self);
}
