//! One stream of a link: its two halves, and what has to be said about it.

use crate::sealed::streams::announce::Announce;
use crate::sealed::streams::blocked::Blocked;
use crate::sealed::streams::flow::Flow;
use crate::sealed::streams::level::Level;
use crate::sealed::streams::recv::RecvHalf;
use crate::sealed::streams::recv_state::RecvState;
use crate::sealed::streams::scheduler::Turn;
use crate::sealed::streams::send::SendHalf;
use crate::sealed::streams::send_state::SendState;
use crate::sealed::streams::window::Window;
use crate::sealed::wire::frame::StreamId;

/// Who opened a stream, and how far the frames are that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenState {
    /// This side did.
    Ours {
        /// `C`: until it is acknowledged the peer may not know the stream.
        open: Announce,
        /// Whether `K` has come: the peer has dialled the target.
        answered: bool,
    },
    /// The peer did, and waits for its target to be dialled.
    Asked,
    /// The peer did, and its target has been dialled, as `K` says.
    Accepted(Announce),
    /// The peer did, but there was no place for it: it was reset at once.
    Refused,
}

impl OpenState {
    /// Whether this side opened it and the peer may not know of it yet.
    pub(crate) const fn is_unheard(self) -> bool {
        matches!(self, Self::Ours { open, .. } if open.is_pending())
    }

    /// Whether `C` has to leave now.
    pub(crate) const fn is_open_due(self) -> bool {
        matches!(self, Self::Ours { open, .. } if open.is_due())
    }

    /// Whether this side opened it and nothing has said so yet.
    pub(crate) const fn is_unsaid(self) -> bool {
        matches!(self, Self::Ours { open, .. } if !open.has_left())
    }

    /// `C`, of a stream that this side opened.
    pub(crate) const fn open(&mut self) -> Option<&mut Announce> {
        match self {
            Self::Ours { open, .. } => Some(open),
            Self::Asked | Self::Accepted(_) | Self::Refused => None,
        }
    }

    /// `K`, of a stream whose target this side has dialled.
    pub(crate) const fn opened(&mut self) -> Option<&mut Announce> {
        match self {
            Self::Accepted(opened) => Some(opened),
            Self::Ours { .. } | Self::Asked | Self::Refused => None,
        }
    }

    /// The target of the peer's stream has been dialled.
    pub(crate) const fn accept(&mut self) {
        if matches!(self, Self::Asked) {
            *self = Self::Accepted(Announce::Unsent);
        }
    }

    /// `K` has come. False if that is nothing new, or cannot be.
    pub(crate) const fn on_answered(&mut self) -> bool {
        match self {
            Self::Ours { answered, .. } => !std::mem::replace(answered, true),
            Self::Asked | Self::Accepted(_) | Self::Refused => false,
        }
    }

    /// The peer is another one, which knows nothing of what the one before did not acknowledge.
    pub(crate) const fn on_other_peer(&mut self) {
        if self.is_unheard()
            && let Some(open) = self.open()
        {
            *open = Announce::Unsent;
        }
    }

    /// The peer is gone: nobody has to be told any more.
    pub(crate) const fn on_peer_gone(&mut self) {
        match self {
            Self::Ours { open: frame, .. } | Self::Accepted(frame) => frame.on_acked(),
            Self::Asked | Self::Refused => {}
        }
    }
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its name.
    pub(crate) id: StreamId,
    /// Bytes to the peer.
    pub(crate) send: SendHalf,
    /// Bytes from the peer.
    pub(crate) recv: RecvHalf,
    /// Its place in the schedule.
    pub(crate) turn: Turn,
    /// Where it goes: in `C`, until that is acknowledged. May be empty.
    pub(crate) target: Vec<u8>,
    /// Who opened it, and whether the other side knows.
    pub(crate) opening: OpenState,
    /// Control frames that must go (again).
    pub(crate) due: Due,
    /// Whether the application has been notified that there is something to read, and has not read since.
    pub(crate) notified_readable: bool,
    /// What the application waits for before it writes on.
    pub(crate) blocked: Blocked,
    /// Link credit that this side, which opens it, has taken for its first bytes; `None` while the peer has given none. It does not
    /// change any more once `C` has left.
    pub(crate) first: Option<u64>,
    /// The receive window.
    pub(crate) window: Window,
    /// Memory that is reserved for what may arrive, in bytes.
    pub(crate) charge: u64,
    /// Of that, what it may hold whatever its level, in bytes: as much as its first window took.
    pub(crate) beginning: u64,
    /// How much has been read of it, roughly.
    pub(crate) level: Level,
    /// Its datagrams, if it stands for a flow.
    pub(crate) flow: Option<Box<Flow>>,
}

/// Control frames of one stream that wait for a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// `W`.
    pub(crate) credit: bool,
    /// In the queue, for that or for `C`, `K` or `X`, which say of themselves that they are due.
    pub(crate) queued: bool,
}

impl Stream {
    /// A stream that may neither send nor receive bytes yet.
    pub(crate) fn new(id: StreamId, opening: OpenState) -> Self {
        Self {
            id,
            send: SendHalf::default(),
            recv: RecvHalf::default(),
            turn: Turn::default(),
            target: Vec::new(),
            opening,
            due: Due::default(),
            notified_readable: false,
            blocked: Blocked::default(),
            first: None,
            window: Window::default(),
            charge: 0,
            beginning: 0,
            level: Level::default(),
            flow: None,
        }
    }

    /// Whether the application may still write.
    pub(crate) fn takes_bytes(&self) -> bool {
        self.send.state == SendState::Send
    }

    /// What one side has reset is over in both directions.
    ///
    /// # Panics
    /// If a half does not know of a reset.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn check_halves(&self) {
        let (send, recv) = (&self.send.state, &self.recv.state);
        assert_eq!(send.is_reset(), recv.is_stopped(), "{self:?}");
        assert_eq!(*send == SendState::Stopped, recv.is_reset(), "{self:?}");
    }

    /// Whether both directions are over and nothing has to be said any more. What the peer has reset is over when the
    /// application says so: see `Event::Reset`.
    pub(crate) fn is_over(&self) -> bool {
        match self.send.state {
            SendState::ResetRecvd { .. } => self.send.held() == 0 && !self.opening.is_unheard(),
            SendState::DataRecvd => {
                let is_answered = !matches!(self.opening, OpenState::Accepted(opened) if opened.is_pending());
                let is_read = self.flow.as_ref().is_none_or(|flow| flow.recv.is_empty());
                self.recv.state == RecvState::DataRead && is_read && is_answered
            }
            SendState::Send
            | SendState::Finished { .. }
            | SendState::ResetSent { .. }
            | SendState::Stopped => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::streams::pool::Pool;
    use crate::sealed::wire::frame::ResetCode;

    /// A stream whose halves both ended in order and were acknowledged and read.
    fn ended(opening: OpenState) -> Stream {
        let (mut stream, mut pool) = (Stream::new(StreamId(0), opening), Pool::keeping(0));
        stream.send.state.finish();
        stream.send.on_acked(0..0, true, &mut pool);
        stream.recv.on_data(0, b"", true, &mut pool).unwrap();
        stream
    }

    #[test]
    fn a_stream_of_the_peer_is_over_when_the_peer_knows_that_it_was_opened() {
        assert!(ended(OpenState::Asked).is_over());
        let mut stream = ended(OpenState::Asked);
        stream.opening.accept();
        assert!(!stream.is_over());
        stream.opening.opened().unwrap().on_acked();
        stream.opening.accept();
        assert!(stream.is_over(), "it is not opened a second time");
    }

    #[test]
    fn a_stream_that_was_reset_is_over_when_the_peer_has_the_reset_and_knows_the_stream() {
        let mut stream = Stream::new(StreamId(0), OpenState::Ours { open: Announce::Sent, answered: false });
        stream.send.state.reset(ResetCode::Reset);
        assert!(!stream.is_over());
        stream.send.state.on_reset_acked();
        assert!(!stream.is_over());
        stream.opening.open().unwrap().on_acked();
        assert!(stream.is_over());
    }

    #[test]
    fn a_stream_that_the_peer_reset_is_over_when_the_application_says_so() {
        let (mut stream, mut pool) = (ended(OpenState::Asked), Pool::keeping(0));
        stream.recv.on_reset(ResetCode::Reset, 0).unwrap();
        stream.send.stop(&mut pool);
        stream.check_halves();
        assert!(stream.recv.take_reset().is_some() && !stream.is_over());
    }

    #[test]
    fn the_peer_answers_only_what_this_side_asked_for_and_once() {
        let mut ours = OpenState::Ours { open: Announce::Sent, answered: false };
        assert!(ours.on_answered() && !ours.on_answered());
        assert!(![OpenState::Asked, OpenState::Refused].iter_mut().any(OpenState::on_answered));
    }

    #[test]
    fn what_the_peer_before_acknowledged_is_not_said_again() {
        let mut openings = [Announce::Sent, Announce::Lost, Announce::Acked]
            .map(|open| OpenState::Ours { open, answered: false });
        openings.iter_mut().for_each(OpenState::on_other_peer);
        assert_eq!(openings.map(OpenState::is_unsaid), [true, true, false]);
    }
}
