//! The local end of a flow: datagrams of a client, of a target, or of this process.
//!
//! A flow keeps the bounds of datagrams and nothing else: what cannot be taken at once is dropped and counted, and nobody waits.
//!
//! - `listener`, `client`: a UDP socket, each of whose sources is a client
//! - `pipe`: between two links, or between a link and this process
//! - `queue`: what waits
//! - `answers`: this process answers checks of the path
//!
//! Targets are made in [`super::dial`], which alone connects to what a peer asks for.

mod answers;
mod client;
mod listener;
mod pipe;
mod queue;

use std::borrow::Cow;
use std::io;
use std::task::{Context, Poll};

use proto::sealed::wire::frame::ResetCode;

pub(crate) use self::answers::{Answers, SeenAddress};
pub(crate) use self::client::UdpClient;
pub(crate) use self::listener::UdpListener;
pub use self::pipe::UdpStream;
pub(crate) use self::pipe::{FlowEnd, flow_pipe};
use super::dial::UdpTarget;
use crate::udp::is_too_large;

/// The most bytes of a datagram: what UDP over IPv4 carries.
pub const MAX_DATAGRAM: usize = proto::MAX_UDP_PAYLOAD;

/// The local end of a flow.
#[derive(Debug)]
pub(crate) enum LocalFlow {
    /// A source of datagrams at one of our sockets.
    Client(UdpClient),
    /// A target that was dialled.
    Target(UdpTarget),
    /// Another link, or this process.
    Pipe(FlowEnd),
    /// This process, which answers checks of the path.
    Answers(Answers),
}

/// What a local end has for the link.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    /// A datagram.
    Datagram(Cow<'a, [u8]>),
    /// An ICMP message: a datagram that was sent has found nobody. The next one may.
    Unreachable,
    /// Nothing more: the flow is over.
    Ended(FlowEnded),
}

/// How a flow has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowEnded {
    /// It was not used any more.
    InOrder,
    /// It could not be, or not go on.
    Reset(ResetCode),
}

/// What has become of a datagram for a local end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It was taken.
    Taken,
    /// It was taken, and nobody has any use for it: it keeps no flow alive.
    Useless,
    /// It was taken, and the system says that an earlier one has found nobody.
    TakenAfterLoss,
    /// There was no room for it.
    Full,
    /// The system does not send one so large there.
    TooLarge,
    /// The system does not send it: no route there, or nobody.
    Unreachable,
}

impl LocalFlow {
    /// The next datagram for the link; wakes when there is one. `scratch` has room for every datagram.
    pub(crate) fn poll_recv<'a>(&self, cx: &mut Context<'_>, scratch: &'a mut [u8]) -> Poll<Incoming<'a>> {
        match self {
            Self::Client(client) => client.poll_recv(cx),
            Self::Target(target) => target.poll_recv(cx, scratch),
            Self::Pipe(pipe) => pipe.poll_recv(cx).map(|received| match received {
                Ok(datagram) => Incoming::Datagram(Cow::Owned(datagram)),
                Err(ended) => Incoming::Ended(ended),
            }),
            Self::Answers(answers) => {
                answers.poll_recv(cx).map(|answer| Incoming::Datagram(Cow::Owned(answer)))
            }
        }
    }

    /// Gives a datagram of the link to the local end.
    pub(crate) fn send(&self, datagram: &[u8]) -> Delivery {
        match self {
            Self::Client(client) => client.send(datagram),
            Self::Target(target) => target.send(datagram),
            Self::Pipe(pipe) => pipe.deliver(datagram),
            Self::Answers(answers) => answers.take(datagram),
        }
    }

    /// The other end of the link has dialled.
    pub(crate) fn open(&self) {
        if let Self::Pipe(pipe) = self {
            pipe.open();
        }
    }

    /// The flow is over.
    pub(crate) fn end(self, how: FlowEnded) {
        match (self, how) {
            // The next datagram would fare no better.
            (Self::Client(client), FlowEnded::Reset(code)) if is_refusal(code) => client.refuse(),
            (Self::Pipe(pipe), how) => pipe.end(how),
            (Self::Client(_) | Self::Target(_) | Self::Answers(_), _) => {}
        }
    }
}

/// Whether a stream was reset because it cannot be, not because something has ended.
const fn is_refusal(code: ResetCode) -> bool {
    match code {
        ResetCode::Refused
        | ResetCode::Unreachable
        | ResetCode::TimedOut
        | ResetCode::Forbidden
        | ResetCode::Limit => true,
        ResetCode::Reset | ResetCode::Idle | ResetCode::Unknown(_) => false,
    }
}

impl Delivery {
    /// What a send has come to.
    pub(crate) fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        if is_too_large(error) {
            return Self::TooLarge;
        }
        let is_unreachable = matches!(
            error.kind(),
            Kind::ConnectionRefused
                | Kind::ConnectionReset
                | Kind::HostUnreachable
                | Kind::NetworkUnreachable
                | Kind::NetworkDown
                | Kind::PermissionDenied
        );
        // Else there is no room in the socket's buffer (`EAGAIN`), or in the system's (`ENOBUFS`).
        if is_unreachable { Self::Unreachable } else { Self::Full }
    }
}
