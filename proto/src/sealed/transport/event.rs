//! What a transport says, and which rules its peer can break.

use crate::sealed::streams::recv::StreamViolation;
use crate::sealed::streams::table::OpenError;
use crate::sealed::wire::end_code::Ended;
use crate::sealed::wire::frame::{Malformed, ResetCode, StreamId};

/// What the application wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer asks for a stream to `target`. Answer with [`super::Transport::accept`] or [`super::Transport::reset`].
    Incoming {
        /// The stream.
        id: StreamId,
        /// Where to, in the words of the specification; not checked yet.
        target: Vec<u8>,
    },
    /// The peer has dialled the target of a stream of ours.
    Opened(StreamId),
    /// There is more to read, or the end has come.
    Readable(StreamId),
    /// A datagram of a flow came. Receive all there are: [`super::Transport::recv_datagram`].
    DatagramReadable(StreamId),
    /// There is room to write again, after [`super::Transport::poll_room`] had said there was none.
    Writable(StreamId),
    /// The peer has acknowledged all that was written to the stream and its end; never said of a flow.
    Delivered(StreamId),
    /// The peer reset the stream; what it sent before can still be read. Then [`super::Transport::discard`] it.
    Reset(StreamId, ResetCode),
    /// The stream ended in order, on both sides; its id means nothing any more.
    Closed(StreamId),
}

impl Event {
    /// The stream that it is about.
    pub(crate) const fn stream(&self) -> StreamId {
        match self {
            Self::Incoming { id, .. }
            | Self::Opened(id)
            | Self::Readable(id)
            | Self::DatagramReadable(id)
            | Self::Writable(id)
            | Self::Delivered(id)
            | Self::Reset(id, _)
            | Self::Closed(id) => *id,
        }
    }
}

/// What the link beneath wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The token of a path challenge came back.
    PathResponse(u64),
    /// The peer ended the link, with its reason.
    Ended(Ended),
}

/// Which rule the peer broke. The link ends, and the peer is told the sentence: so its subject is left out, as it is "the peer" for one side
/// and "I" for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes that are no frame.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A stream whose rules were broken.
    #[error(transparent)]
    Violation(#[from] StreamViolation),
    /// Packets that this side never sent.
    #[error("acknowledged a packet that was never sent")]
    Ack,
    /// None of what this side sent, while it sends more and more itself.
    #[error("acknowledges nothing and goes on sending")]
    Unanswered,
    /// A stream of this side's half, which this side never opened.
    #[error("named a stream that its receiver never opened")]
    NeverOpened,
    /// `C` of this side's half, or `K` of the peer's own.
    #[error("opened or answered a stream of the wrong half")]
    WrongHalf,
    /// Far more streams, or gaps in their ids, than this side allows.
    #[error("opened far more streams than its receiver allows")]
    TooManyStreams,
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::TooMany => Self::TooManyStreams,
            OpenError::Credit(violation) => Self::Violation(violation),
        }
    }
}
