//! What this process asks of a running link, beside what comes by itself.

use std::sync::Arc;
use std::task::{Context, Poll};

use proto::destination::Client;
use tokio::sync::{mpsc, oneshot};

use crate::link::asking::LinkQuery;
use crate::local::end::LocalEnd;
use crate::local::forwarding::{Bound, Forwarding};
use crate::local::grant::PeerRegistration;
use crate::local::listeners::Kept;

/// A request. The link answers by what it does with what comes along: nothing is lost when the link is over before.
#[derive(Debug)]
pub(crate) enum LinkRequest {
    /// Open a stream to this target, as it stands on the wire (empty: the peer's own), and carry the pipe's bytes or datagrams.
    Open(Vec<u8>, LocalEnd),
    /// Open a stream of either kind for a client of one of the peer's registrations.
    OpenFor(Client, Arc<PeerRegistration>, LocalEnd),
    /// Carry the clients of one more forward, and say so.
    Add(Box<Forwarding>, oneshot::Sender<()>),
    /// Carry the clients of a forward for the peer.
    Listen(Box<Forwarding>, Kept),
    /// Somebody looks, or steers.
    Ask(LinkQuery),
    /// Stop listening there. Says whether there was such a forward; its streams go on.
    Remove(Bound, oneshot::Sender<bool>),
}

/// Requests that may wait; whoever has more waits himself.
const WAITING: usize = 64;

/// Where a link is asked. Clones ask the same. What waits lies elsewhere: a channel keeps 32 places from its first moment on, and most
/// links are never asked anything.
#[derive(Clone, Debug)]
pub(crate) struct RequestSender(mpsc::Sender<Box<LinkRequest>>);

/// Where a link takes what it is asked.
#[derive(Debug)]
pub(crate) struct RequestReceiver(mpsc::Receiver<Box<LinkRequest>>);

/// The link is over; or, of a request that would not wait, there is no place for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAsked;

impl RequestSender {
    /// Asks, and waits for that where it must. Cancel safe: it has asked, or not.
    ///
    /// # Errors
    /// The link is over.
    pub(crate) async fn send(&self, request: LinkRequest) -> Result<(), NotAsked> {
        self.0.send(Box::new(request)).await.map_err(|_| NotAsked)
    }

    /// Asks, unless it would have to wait.
    ///
    /// # Errors
    /// It would, or the link is over.
    pub(crate) fn try_send(&self, request: LinkRequest) -> Result<(), NotAsked> {
        self.0.try_send(Box::new(request)).map_err(|_| NotAsked)
    }

    /// Whether the link is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Waits until the link is over.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

impl RequestReceiver {
    /// The next request; none: nobody is left who could ask.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<LinkRequest>> {
        self.0.poll_recv(cx).map(|request| request.map(|request| *request))
    }

    /// The same for a test that waits.
    #[cfg(test)]
    pub(crate) async fn recv(&mut self) -> Option<LinkRequest> {
        self.0.recv().await.map(|request| *request)
    }
}

/// A way to ask a link.
pub(crate) fn requests() -> (RequestSender, RequestReceiver) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (RequestSender(sender), RequestReceiver(receiver))
}
