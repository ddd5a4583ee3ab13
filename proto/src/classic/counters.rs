//! What a table counts.

use super::Reason;
use super::frame::ParseError;

/// What one table has done since it was made. The fields of the other role stay zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams handed to the table.
    pub received: u64,
    /// Streams begun: a `C` sent (entry), a dial asked for (exit).
    pub begun: u64,
    /// Streams that reached `OK`.
    pub opened: u64,
    /// Streams that ended after `OK`, whatever the reason.
    pub closed: u64,
    /// Entry: clients refused because all ten ids were taken.
    pub all_busy: u64,
    /// Streams that ended with `NOK` and no `OK` before, sent (exit) or received (entry).
    pub refused: u64,
    /// Streams that ended with neither `OK` nor `NOK`: no answer, or closed by a side before it.
    pub abandoned: u64,
    /// Those of them that ended because no answer came (entry): their clients are refused.
    pub no_answer: u64,
    /// `C` sent again (entry).
    pub repeats_sent: u64,
    /// `C` for a stream that is already there (exit), `OK` for a stream that is already open (entry).
    pub repeats_received: u64,
    /// `X` sent to answer a datagram for an id that is not open.
    pub strays_answered: u64,
    /// Answers to strays and repeats not sent because the shell left too many datagrams in the table.
    pub unanswered: u64,
    /// Streams ended by the idle limit.
    pub idle: u64,
    /// Entry: ids given out before they had rested.
    pub unrested: u64,
    /// Exit: streams whose id was written with two digits, so that the second went to the target.
    pub two_digits: u64,
    /// Bytes that came before the answer and were lost because an `X` came before it too.
    pub early_lost: u64,
    /// Datagrams that changed nothing and were handed to nobody.
    pub drops: Drops,
}

impl Counters {
    /// So many bytes are lost with a stream that was not open yet.
    pub(super) fn lose_early(&mut self, bytes: usize) {
        self.early_lost += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// A stream ended, for `reason` or, without one, because the shell said so.
    pub(super) fn ended(&mut self, was_open: bool, reason: Option<Reason>) {
        self.idle += u64::from(reason == Some(Reason::Idle));
        self.no_answer += u64::from(reason == Some(Reason::NoAnswer));
        match (was_open, reason) {
            (true, _) => self.closed += 1,
            (false, Some(Reason::Refused)) => self.refused += 1,
            (false, _) => self.abandoned += 1,
        }
    }
}

/// Dropped datagrams by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// No byte at all.
    pub empty: u64,
    /// The first byte is not `C`, `D` or `X`.
    pub unknown_kind: u64,
    /// There is no second byte.
    pub no_id: u64,
    /// The second byte is not a digit.
    pub bad_id: u64,
    /// A `C` that belongs to the other role: a request at an entry, an answer at an exit.
    pub wrong_role: u64,
    /// A datagram for an id that is not open.
    pub not_open: u64,
    /// Entry: data or `X` for an id that had no rest and waits for its answer: it may be the last stream's.
    pub stale: u64,
    /// Data before the answer that did not fit into [`Settings::early_limit`](super::Settings::early_limit) or
    /// [`Settings::early_total`](super::Settings::early_total).
    pub early_full: u64,
    /// Exit: a `C` of one proxy1 more than [`Settings::max_peers`](super::Settings::max_peers).
    pub too_many_peers: u64,
}

impl Drops {
    /// A datagram is not a frame.
    pub(super) fn malformed(&mut self, error: ParseError) {
        match error {
            ParseError::Empty => self.empty += 1,
            ParseError::Kind(_) => self.unknown_kind += 1,
            ParseError::NoId => self.no_id += 1,
            ParseError::Id(_) => self.bad_id += 1,
        }
    }

    /// All dropped datagrams.
    pub const fn total(&self) -> u64 {
        self.empty
            + self.unknown_kind
            + self.no_id
            + self.bad_id
            + self.wrong_role
            + self.not_open
            + self.stale
            + self.early_full
            + self.too_many_peers
    }
}
