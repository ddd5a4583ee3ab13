//! Why somebody leaves, or may not come in.

use std::fmt;
use std::time::Duration;

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// The client has asked for it.
    Quit,
    /// Nothing more comes from the client, in order.
    Ended,
    /// Its stream was reset.
    Lost,
    /// It has not been heard for so long.
    Silent(Duration),
    /// It has said as much as it may for too long.
    Floods,
    /// An operator has ended it: with these words.
    Kicked(String),
    /// The server ends.
    ServerEnds,
}

/// Why somebody may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There are so many clients already.
    Clients(usize),
    /// There are so many with this ticket already.
    OfTicket(usize),
}

impl Leaving {
    /// What the client itself is told.
    pub(super) fn farewell(&self) -> String {
        match self {
            Self::Quit | Self::Ended => "good bye".into(),
            Self::Lost => "your stream was reset".into(),
            Self::Silent(time) => format!("you have been silent for {} s: good bye", time.as_secs()),
            Self::Floods => "you have said too much for too long: good bye".into(),
            Self::Kicked(by) => format!("your session was ended by {by}"),
            Self::ServerEnds => "the console ends: good bye".into(),
        }
    }
}

impl fmt::Display for Leaving {
    /// What the others are told: what stands behind the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quit | Self::Ended => write!(f, "has left"),
            Self::Lost => write!(f, "is gone: its stream was reset"),
            Self::Silent(time) => write!(f, "is gone: not heard for {} s", time.as_secs()),
            Self::Floods => write!(f, "was sent away: it said too much"),
            Self::Kicked(by) => write!(f, "was sent away by {by}"),
            Self::ServerEnds => write!(f, "has left: the server ends"),
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients(most) => write!(f, "{most} clients are here, and no more may be: try again later"),
            Self::OfTicket(most) => {
                write!(f, "{most} clients are here with your ticket, and no more may be: end one of them")
            }
        }
    }
}
