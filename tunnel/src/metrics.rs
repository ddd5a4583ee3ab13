//! What a session counts, for its closing line, for operators and for tests.

pub mod log;
mod sealed;

pub use log::{LogLines, log_lines};
pub use proto::classic::{Counters as Table, Drops};
pub use sealed::{Count, SealedCounts};

/// What a session has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What the table of streams counted (classic link).
    pub table: Table,
    /// What sealed links counted.
    pub sealed: SealedCounts,
    /// Streams that are open or opening now.
    pub streams: usize,
    /// Data bytes read from TCP connections and sent over the link.
    pub bytes_sent: u64,
    /// Data bytes received over the link, for TCP connections.
    pub bytes_received: u64,
    /// Data datagrams sent.
    pub data_sent: u64,
    /// Data datagrams received.
    pub data_received: u64,
    /// Bytes lost because an `X` came before they were delivered (classic link).
    pub bytes_cut: u64,
    /// What was dropped outside the table.
    pub lost: Lost,
    /// Targets that could not be dialled, by cause (exit).
    pub dials: Dials,
    /// Clients refused because the peer's name is not known yet (classic entry).
    pub unknown_peer: u64,
    /// Times that `accept` failed (entry).
    pub accept_failures: u64,
    /// Times that the peer's name was looked up again (entry).
    pub lookups: u64,
}

/// Datagrams lost in this process outside the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Received, but the TCP connection is too slow and its queue, or the memory for all queues, is full.
    pub queue_full: u64,
    /// The system refused to send them: no route, larger than the path's MTU.
    pub not_sent: u64,
    /// They did not come from the peer (entry).
    pub strangers: u64,
    /// They came from an address of the peer that was asked beside the one that answered first (classic entry).
    pub elsewhere: u64,
    /// Answers and closes that waited for the socket in too large a number.
    pub answers: u64,
}

/// Failed dials by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dials {
    /// Nobody listens there.
    pub refused: u64,
    /// No answer in time.
    pub timed_out: u64,
    /// No way there.
    pub unreachable: u64,
    /// The target's name is unknown.
    pub unknown_host: u64,
    /// Anything else: no descriptors left, for example.
    pub other: u64,
}

impl Dials {
    /// All failed dials.
    pub const fn total(&self) -> u64 {
        self.refused + self.timed_out + self.unreachable + self.unknown_host + self.other
    }
}

impl Lost {
    /// All datagrams lost.
    pub const fn total(&self) -> u64 {
        self.queue_full + self.not_sent + self.strangers + self.elsewhere + self.answers
    }
}

impl Counters {
    /// Adds what a task of a sealed session has counted since `old`.
    pub(crate) fn add_sealed(&mut self, old: &SealedCounts, new: &SealedCounts) {
        self.sealed.add_change(old, new);
        let get = |what| self.sealed.get(what);
        self.streams = usize::try_from(get(Count::StreamsNow)).unwrap_or(usize::MAX);
        self.bytes_sent = get(Count::BytesSent);
        self.bytes_received = get(Count::BytesReceived);
        self.accept_failures = get(Count::AcceptFailures);
        self.lookups = get(Count::Lookups);
        self.lost.not_sent = get(Count::NotSent);
    }

    /// Writes the closing line of a sealed session.
    pub(crate) fn log_sealed(&self) {
        let get = |what| self.sealed.get(what);
        let unusual = in_words(self.sealed.unusual().chain(log_lines().named()));
        tracing::info!(
            links = get(Count::Links),
            opened = get(Count::Opened),
            closed = get(Count::Closed),
            bytes_sent = get(Count::BytesSent),
            bytes_received = get(Count::BytesReceived),
            unusual,
            "ended"
        );
    }

    /// Writes the closing line: what always matters, then whatever else is not zero.
    pub(crate) fn log(&self) {
        let (sent, received) = (self.bytes_sent, self.bytes_received);
        let refused = self.table.refused + self.table.all_busy + self.table.no_answer + self.unknown_peer;
        let unusual = in_words(self.unusual().into_iter().chain(log_lines().named()));
        tracing::info!(
            opened = self.table.opened,
            refused,
            bytes_sent = sent,
            bytes_received = received,
            unusual,
            "ended"
        );
    }

    /// What should not happen often, with what it is called in the closing line.
    fn unusual(&self) -> [(&'static str, u64); 20] {
        let t = &self.table;
        [
            ("clients refused as all ten streams were taken", t.all_busy),
            ("clients refused as proxy2's name was not known yet", self.unknown_peer),
            ("clients refused as proxy2 did not answer", t.no_answer),
            ("streams given up before an answer", t.abandoned - t.no_answer),
            ("streams closed as idle", t.idle),
            ("opens repeated", t.repeats_sent + t.repeats_received),
            ("strays answered", t.strays_answered),
            ("ids reused unrested", t.unrested),
            ("datagrams not understood or not expected", t.drops.total()),
            ("ids of two digits", t.two_digits),
            ("bytes lost to an early X", t.early_lost + self.bytes_cut),
            ("datagrams dropped at full queues", self.lost.queue_full),
            ("datagrams not sent", self.lost.not_sent + self.lost.answers),
            ("datagrams from strangers", self.lost.strangers),
            ("datagrams from a second address of proxy2", self.lost.elsewhere),
            ("dials refused", self.dials.refused),
            ("dials timed out", self.dials.timed_out),
            ("dials failed otherwise", self.dials.total() - self.dials.refused - self.dials.timed_out),
            ("accepts failed", self.accept_failures),
            ("names looked up again", self.lookups),
        ]
    }
}

/// What happened of what should not happen often, if anything did.
fn in_words(all: impl Iterator<Item = (&'static str, u64)>) -> Option<String> {
    let happened = all.filter(|(_, count)| *count > 0);
    let words = happened.map(|(what, count)| format!("{what}: {count}")).collect::<Vec<_>>();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_clients_are_told_by_reason() {
        let mut counters = Counters { unknown_peer: 1, ..Counters::default() };
        (counters.table.all_busy, counters.table.abandoned, counters.table.no_answer) = (2, 4, 3);
        let words = in_words(counters.unusual().into_iter()).unwrap_or_default();
        for part in ["taken: 2", "not known yet: 1", "did not answer: 3", "before an answer: 1"] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn only_what_happened_is_told() {
        let mut counters = Counters::default();
        assert_eq!(in_words(counters.unusual().into_iter()), None);
        counters.lost.strangers = 3;
        counters.dials.unknown_host = 2;
        let words = in_words(counters.unusual().into_iter());
        assert_eq!(words.as_deref(), Some("datagrams from strangers: 3, dials failed otherwise: 2"));
    }
}
