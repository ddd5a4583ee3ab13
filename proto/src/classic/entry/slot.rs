//! One id of an entry.

use super::super::Settings;
use super::super::early::Early;
use super::super::life::Life;
use crate::Time;

/// One id.
#[derive(Debug)]
pub(super) enum Slot {
    /// `since` the end of its last stream, or never used.
    Free {
        since: Option<Time>,
    },
    Opening(Opening),
    Open {
        serial: u64,
        life: Life,
    },
}

/// `C` has been sent, no answer has come.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) serial: u64,
    /// How many times `C` has been repeated.
    repeats: usize,
    /// When to repeat `C` or give up.
    pub(super) due: Time,
    /// Whether the id had its rest: then what comes before the answer is of this stream.
    pub(super) rested: bool,
    /// The client has sent FIN.
    pub(super) finished: bool,
    pub(super) early: Early,
}

impl Slot {
    pub(super) const fn serial(&self) -> Option<u64> {
        match self {
            Self::Free { .. } => None,
            Self::Opening(Opening { serial, .. }) | Self::Open { serial, .. } => Some(*serial),
        }
    }
}

impl Opening {
    /// `C` is sent now.
    pub(super) fn begin(now: Time, serial: u64, rested: bool, settings: &Settings) -> Self {
        let due = now + settings.open_repeats[0];
        Self { serial, repeats: 0, due, rested, finished: false, early: Early::default() }
    }

    /// The life of the stream that is open now; a FIN that came before counts from now.
    pub(super) fn life_from(&self, now: Time) -> Life {
        let mut life = Life::begin(now);
        if self.finished {
            life.finish(now);
        }
        life
    }

    /// Whether to send `C` once more; `false`: enough.
    pub(super) fn repeat(&mut self, now: Time, settings: &Settings) -> bool {
        let more = self.repeats < settings.open_repeats.len();
        self.repeats += usize::from(more);
        self.due = now + settings.open_repeats.get(self.repeats).copied().unwrap_or(settings.open_last_wait);
        more
    }
}
