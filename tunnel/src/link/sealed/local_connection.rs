//! What the roles of a link's end bring to its task.

use proto::sealed::wire::frame::{ResetCode, StreamId};

use super::ticket_share::StreamPlace;
use crate::local::end::LocalEnd;

/// A connection, or why there is none.
#[derive(Debug)]
pub(super) enum LocalConnection {
    /// A client; its stream has been opened, and gets these bytes first.
    Client(StreamId, LocalEnd, Vec<u8>),
    /// A target that was dialled, and the place its stream has.
    Target(StreamId, LocalEnd, StreamPlace),
    /// A target that could not be dialled, and why.
    Failed(StreamId, ResetCode, String),
    /// A stream that has reached its target, which the rules do not allow any more, and the sentence that says so.
    Withdrawn(StreamId, String),
    /// A client that was turned away.
    Nothing,
}
