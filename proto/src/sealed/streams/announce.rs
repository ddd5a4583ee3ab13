//! How far something is that has to be said once, and again where it is lost.

/// How far `C`, `K` or FIN of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announce {
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
        !matches!(self, Self::Acked)
    }

    /// Whether it has to leave now.
    pub(crate) const fn is_due(self) -> bool {
        matches!(self, Self::Unsent | Self::Lost)
    }

    /// Whether it has ever left.
    pub(crate) const fn has_left(self) -> bool {
        !matches!(self, Self::Unsent)
    }

    /// It leaves.
    pub(crate) const fn on_sent(&mut self) {
        if self.is_pending() {
            *self = Self::Sent;
        }
    }

    /// It was lost, or may have been.
    pub(crate) const fn on_lost(&mut self) {
        if matches!(self, Self::Sent) {
            *self = Self::Lost;
        }
    }

    /// It was acknowledged.
    pub(crate) const fn on_acked(&mut self) {
        *self = Self::Acked;
    }
}
