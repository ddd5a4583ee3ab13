//! Why a stream was reset.

/// Why a stream was reset; travels in `X` frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResetCode {
    /// The TCP connection was reset or failed.
    Reset,
    /// The target refused the connection.
    Refused,
    /// No route to the target, or its name is unknown.
    Unreachable,
    /// The target did not answer in time.
    TimedOut,
    /// The exit does not dial this target.
    Forbidden,
    /// A limit of the peer is reached.
    Limit,
    /// The stream was idle for longer than its limit.
    Idle,
    /// A code of a newer version.
    Unknown(u64),
}

impl ResetCode {
    const TABLE: [Self; 7] = [
        Self::Reset,
        Self::Refused,
        Self::Unreachable,
        Self::TimedOut,
        Self::Forbidden,
        Self::Limit,
        Self::Idle,
    ];

    /// The number on the wire.
    pub fn code(self) -> u64 {
        if let Self::Unknown(code) = self {
            return code;
        }
        let place =
            Self::TABLE.iter().position(|known| *known == self).expect("every known code is in the table");
        place as u64
    }

    /// The meaning of a number on the wire.
    pub fn from_code(code: u64) -> Self {
        usize::try_from(code).ok().and_then(|at| Self::TABLE.get(at).copied()).unwrap_or(Self::Unknown(code))
    }
}

impl std::fmt::Display for ResetCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Reset => "reset",
            Self::Refused => "the target refuses connections",
            Self::Unreachable => "the target cannot be reached",
            Self::TimedOut => "the target does not answer",
            Self::Forbidden => "not permitted",
            Self::Limit => "a limit is reached",
            Self::Idle => "idle for too long",
            Self::Unknown(code) => return write!(f, "code {code}"),
        })
    }
}
