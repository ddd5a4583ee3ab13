//! What differs between the two ends of a sealed link: where datagrams come from, and when the link is over.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::Time;
use proto::sealed::link::{Event, Link, SocketId};
use proto::sealed::wire::frame::ResetCode;

use crate::metrics::Counters;
use crate::udp::Udp;

/// Whether a link goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It does.
    On,
    /// It does, but its streams cannot be now: they are reset with this code.
    Refuse(ResetCode),
    /// Another link has taken its place: its streams are gone and are reset with this code.
    Replaced(ResetCode),
    /// It is over.
    Over,
}

/// One end.
pub(super) trait End: Send {
    /// Gives the link the datagrams that came. Says whether there may be more now; if not, the caller is woken by the next.
    ///
    /// # Errors
    /// The socket is broken.
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        counters: &mut Counters,
    ) -> io::Result<bool>;
    /// Ready if something happened that is neither a datagram nor a connection.
    fn poll_news(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        counters: &mut Counters,
    ) -> Poll<Next>;
    /// Whether a client may have a stream now, that would wait for `patience` for the peer to hear of it.
    ///
    /// # Errors
    /// It may not: the code that it is reset with, and why in words.
    fn admit(&self, link: &Link, patience: Duration) -> Result<(), (ResetCode, &'static str)>;
    /// Something about the link that is not about a stream.
    fn event(&mut self, now: Time, event: &Event, link: &mut Link, counters: &mut Counters) -> Next;
    /// Whether the link is to end once what it has to say has been sent.
    fn is_over(&self) -> bool;
    /// One of the sockets that datagrams leave by.
    fn socket(&self, id: SocketId) -> Option<&Udp>;
    /// Why the other end does not let this one in, if it does not.
    fn refusal(&self) -> Option<String> {
        None
    }
    /// The other end wants what is new on another link: the end of the link that there is, and another link, for which this is the end
    /// from now on. `None`: it makes none.
    fn part(&mut self, _now: Time, _link: &Link) -> Option<(Self, Link)>
    where
        Self: Sized,
    {
        None
    }
    /// How long a link stays that has been without streams, once what is new goes over another.
    fn leave_after(&self) -> Duration {
        // What the client has, but has not given to its own clients yet, would go with the link. One that has another ends it itself.
        Duration::from_secs(30)
    }
    /// Somebody wants the link closed, whose streams were reset: an end that did not make it lets it go.
    fn close(&mut self, _link: &mut Link) {}
    /// Nothing new any more.
    fn shutdown(&mut self);
}
