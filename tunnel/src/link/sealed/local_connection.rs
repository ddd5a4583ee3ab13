//! What the roles of a link's end bring to its task.

use proto::sealed::wire::frame::{ResetCode, StreamId};

use super::ticket_share::StreamPlace;
use crate::link::asking::LinkQuery;
use crate::local::end::LocalEnd;
use crate::local::listener::ClientName;

/// A connection, or why there is none.
#[derive(Debug)]
pub(super) enum LocalConnection {
    /// A client; its stream has been opened.
    Client(ClientStream),
    /// A target that was dialled.
    Target(TargetStream),
    /// A target that could not be dialled, and why.
    Failed(StreamId, ResetCode, String),
    /// A stream that has reached its target, which the rules do not allow any more, and the sentence that says so.
    Withdrawn(StreamId, String),
    /// Somebody looks, or steers.
    Asked(LinkQuery),
    /// A client that was turned away.
    Nothing,
}

/// A client and its stream.
#[derive(Debug)]
pub(super) struct ClientStream {
    /// The stream.
    pub(super) id: StreamId,
    /// Its local end.
    pub(super) local: LocalEnd,
    /// What the stream gets first.
    pub(super) first: Vec<u8>,
    /// Who it is.
    pub(super) client: ClientName,
    /// Where to, as text; empty: the peer's own target.
    pub(super) target: String,
}

/// A target and its stream.
#[derive(Debug)]
pub(super) struct TargetStream {
    /// The stream.
    pub(super) id: StreamId,
    /// Its local end.
    pub(super) local: LocalEnd,
    /// The place of the stream.
    pub(super) place: StreamPlace,
}
