//! What the roles of a link's end bring to its task.

use proto::sealed::wire::frame::{ResetCode, StreamId};
use tokio::net::TcpStream;

use super::ticket_share::StreamPlace;

/// A connection, or why there is none.
#[derive(Debug)]
pub(super) enum LocalConnection {
    /// A client; its stream has been opened.
    Client(StreamId, TcpStream),
    /// A target that was dialled, and the place its stream has.
    Target(StreamId, TcpStream, StreamPlace),
    /// A target that could not be dialled, and why.
    Failed(StreamId, ResetCode, String),
    /// A client that was turned away.
    Nothing,
}
