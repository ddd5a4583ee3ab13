//! What this process asks of a running link, beside what comes by itself.

use std::sync::Arc;

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

/// A way to ask a link.
pub(crate) fn requests() -> (mpsc::Sender<LinkRequest>, mpsc::Receiver<LinkRequest>) {
    mpsc::channel(WAITING)
}
