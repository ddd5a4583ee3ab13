//! The local end of a stream of either kind: bytes or datagrams.

use proto::sealed::wire::frame::ResetCode;

use super::pipe::PipeEnd;
use super::stream::LocalStream;
use super::udp::{Answers, FlowEnd, FlowEnded, LocalFlow, UdpClient};

/// The local end of a stream.
#[derive(Debug)]
pub(crate) enum LocalEnd {
    /// Of one that carries bytes.
    Stream(LocalStream),
    /// Of one that stands for a flow of datagrams.
    Flow(LocalFlow),
}

impl LocalEnd {
    /// Ends it at once: there is no stream for it.
    pub(crate) fn abort(self, code: ResetCode) {
        match self {
            Self::Stream(stream) => stream.abort(code),
            Self::Flow(flow) => flow.end(FlowEnded::Reset(code)),
        }
    }
}

impl From<LocalStream> for LocalEnd {
    fn from(stream: LocalStream) -> Self {
        Self::Stream(stream)
    }
}

impl From<PipeEnd> for LocalEnd {
    fn from(pipe: PipeEnd) -> Self {
        Self::Stream(pipe.into())
    }
}

impl From<FlowEnd> for LocalEnd {
    fn from(pipe: FlowEnd) -> Self {
        Self::Flow(LocalFlow::Pipe(pipe))
    }
}

impl From<Answers> for LocalEnd {
    fn from(answers: Answers) -> Self {
        Self::Flow(LocalFlow::Answers(answers))
    }
}

impl From<UdpClient> for LocalEnd {
    fn from(client: UdpClient) -> Self {
        Self::Flow(LocalFlow::Client(client))
    }
}
