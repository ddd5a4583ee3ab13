//! Why a link ends: the codes of `E`.

/// Why a link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndCode {
    /// The process ends, or does not want the link any more.
    Shutdown,
    /// The ticket has been revoked.
    Revoked,
    /// The client has no use for the link now and has all that it needs of it.
    Dormant,
    /// The receiver of `E` broke the rules of the protocol.
    Fault,
}

impl EndCode {
    const TABLE: [Self; 4] = [Self::Shutdown, Self::Revoked, Self::Dormant, Self::Fault];

    /// The number on the wire.
    pub const fn code(self) -> u64 {
        self as u64
    }

    /// The meaning of a number on the wire; numbers that this version does not know mean [`EndCode::Shutdown`].
    pub fn from_code(code: u64) -> Self {
        usize::try_from(code).ok().and_then(|at| Self::TABLE.get(at).copied()).unwrap_or(Self::Shutdown)
    }
}

impl std::fmt::Display for EndCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "the proxy ends",
            Self::Revoked => "the ticket has been revoked",
            Self::Dormant => "not used any more",
            Self::Fault => "the protocol was broken",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_what_it_wrote_and_others_mean_the_first() {
        for (number, code) in (0..).zip(EndCode::TABLE) {
            assert_eq!((code.code(), EndCode::from_code(number)), (number, code));
        }
        assert_eq!(EndCode::from_code(4), EndCode::Shutdown);
        assert_eq!(EndCode::from_code(u64::MAX), EndCode::Shutdown);
    }
}
