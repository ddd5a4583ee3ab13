//! One stream of a link: its two halves, and what has to be said about it.

use crate::sealed::streams::blocked::Blocked;
use crate::sealed::streams::level::Level;
use crate::sealed::streams::recv::RecvHalf;
use crate::sealed::streams::scheduler::Turn;
use crate::sealed::streams::send::SendHalf;
use crate::sealed::streams::window::Window;
use crate::sealed::wire::frame::{ResetCode, StreamId};

/// Reset by this side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnReset {
    /// Why.
    pub(crate) code: ResetCode,
    /// Where the bytes this side sent end.
    pub(crate) end: u64,
    /// Whether the peer has it.
    pub(crate) acked: bool,
    /// The stream was reset as the peer opened it, because there is no place for it.
    pub(crate) refused: bool,
}

/// How far a frame is that announces something once: `C` or `K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announce {
    /// There is nothing to announce: it is the peer's to say, or not true yet.
    NotOurs,
    /// It has to leave, for the first time.
    Unsent,
    /// It has left.
    Sent,
    /// It has left, and has to leave again.
    Lost,
    /// The peer has it.
    Acked,
}

impl Announce {
    /// Whether the peer may not have it yet.
    pub(crate) const fn is_pending(self) -> bool {
        matches!(self, Self::Unsent | Self::Sent | Self::Lost)
    }

    /// Whether it has to leave now.
    pub(crate) const fn is_due(self) -> bool {
        matches!(self, Self::Unsent | Self::Lost)
    }

    /// Whether it has ever left.
    pub(crate) const fn has_left(self) -> bool {
        matches!(self, Self::Sent | Self::Lost | Self::Acked)
    }

    /// It was lost, or may have been.
    pub(crate) const fn on_lost(&mut self) {
        if matches!(self, Self::Sent) {
            *self = Self::Lost;
        }
    }

    /// It was acknowledged.
    pub(crate) const fn on_acked(&mut self) {
        if self.is_pending() {
            *self = Self::Acked;
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
    /// `C`, of a stream that this side opens: until it is acknowledged the peer may not know the stream.
    pub(crate) open_frame: Announce,
    /// `K`, of a stream whose target this side has dialled.
    pub(crate) opened_frame: Announce,
    /// Control frames that must go (again).
    pub(crate) due: Due,
    /// Whether `C` has been seen or sent.
    pub(crate) open: bool,
    /// Whether the target has been dialled, as far as this side knows.
    pub(crate) accepted: bool,
    /// Reset by this side.
    pub(crate) own_reset: Option<OwnReset>,
    /// Reset by the peer.
    pub(crate) peer_reset: Option<ResetCode>,
    /// Whether the application knows of the peer's reset.
    pub(crate) told_reset: bool,
    /// Whether the application has been told that there is something to read, and has not read since.
    pub(crate) told_readable: bool,
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
}

/// Control frames of one stream that wait for a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// `W`.
    pub(crate) credit: bool,
    /// `X`.
    pub(crate) reset: bool,
    /// In the queue for any of these.
    pub(crate) queued: bool,
}

impl Stream {
    /// A stream that may neither send nor receive bytes yet.
    pub(crate) fn new(id: StreamId) -> Self {
        Self {
            id,
            send: SendHalf::default(),
            recv: RecvHalf::default(),
            turn: Turn::default(),
            target: Vec::new(),
            open_frame: Announce::NotOurs,
            opened_frame: Announce::NotOurs,
            due: Due::default(),
            open: false,
            accepted: false,
            own_reset: None,
            peer_reset: None,
            told_reset: false,
            told_readable: false,
            blocked: Blocked::default(),
            first: None,
            window: Window::default(),
            charge: 0,
            beginning: 0,
            level: Level::default(),
        }
    }

    /// Whether the application may still write.
    pub(crate) fn takes_bytes(&self) -> bool {
        !self.send.is_finished() && self.own_reset.is_none() && self.peer_reset.is_none()
    }

    /// Whether both directions are over and nothing has to be said any more.
    pub(crate) fn is_over(&self) -> bool {
        if let Some(reset) = self.own_reset {
            return reset.acked && self.send.held() == 0 && !self.open_frame.is_pending();
        }
        // What the peer reset is over when the application says so: see `Event::Reset`.
        self.peer_reset.is_none()
            && self.send.is_done()
            && self.recv.is_read()
            && !self.opened_frame.is_pending()
    }
}
