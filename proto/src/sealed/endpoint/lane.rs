//! The indices that a process may choose: two processes that use one socket must never choose the same.

/// One of the two halves of all indices. A process that takes over a socket chooses from the other half than the one before it, so
/// that a data packet says by itself which of them it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// The highest bit is 0: every process that takes over nothing.
    #[default]
    Low,
    /// The highest bit is 1.
    High,
}

impl Lane {
    const MARK: u32 = 1 << 31;

    /// The other half.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// The half that an index is of.
    #[cfg(test)]
    pub(crate) const fn of(index: u32) -> Self {
        if index & Self::MARK == 0 { Self::Low } else { Self::High }
    }

    /// The index of this half that has the other bits of `index`.
    pub(crate) const fn index(self, index: u32) -> u32 {
        match self {
            Self::Low => index & !Self::MARK,
            Self::High => index | Self::MARK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_of_the_half_that_it_was_made_for() {
        for lane in [Lane::Low, Lane::High] {
            for index in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                assert_eq!(Lane::of(lane.index(index)), lane, "{index:#x}");
                assert_ne!(Lane::of(lane.other().index(index)), lane, "{index:#x}");
            }
        }
    }
}
