//! The two bits of an IP header with which a path says that a queue builds up, instead of dropping (RFC 3168).

/// What a datagram's IP header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// Not-ECT: its sender does not want to be told so, or the path has cleared what it said.
    #[default]
    NotCapable,
    /// ECT(0): its sender heeds what the path says.
    Capable,
    /// ECT(1): the same of another kind of sender (L4S, RFC 9331). This protocol does not send it.
    LowLatency,
    /// CE: it met a queue.
    Congested,
}

impl Ecn {
    /// The two bits (RFC 3168 section 5).
    pub const fn bits(self) -> u8 {
        match self {
            Self::NotCapable => 0,
            Self::LowLatency => 1,
            Self::Capable => 2,
            Self::Congested => 3,
        }
    }

    /// What two bits say; `None`: there are more.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::NotCapable,
            1 => Self::LowLatency,
            2 => Self::Capable,
            3 => Self::Congested,
            _ => return None,
        })
    }
}

/// How many packets came with each mark, since the link began (RFC 9000 section 13.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EcnCounts {
    /// ECT(0).
    pub capable: u64,
    /// ECT(1).
    pub low_latency: u64,
    /// CE.
    pub congested: u64,
}

impl EcnCounts {
    /// A packet that was not seen before came with `ecn`.
    pub(crate) const fn on_packet(&mut self, ecn: Ecn) {
        match ecn {
            Ecn::NotCapable => {}
            Ecn::Capable => self.capable += 1,
            Ecn::LowLatency => self.low_latency += 1,
            Ecn::Congested => self.congested += 1,
        }
    }

    /// Whether no packet came with any.
    pub(crate) const fn is_empty(&self) -> bool {
        self.capable == 0 && self.low_latency == 0 && self.congested == 0
    }
}
