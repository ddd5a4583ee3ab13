//! What sealed links count. Many tasks count at the same time, so a count is a number that can be added up.

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Links that are up now.
    LinksUp,
    /// Streams that are open or opening now.
    StreamsNow,
    /// Links that came up.
    Links,
    /// Streams that were opened: the target has been dialled.
    Opened,
    /// Streams that ended in order.
    Closed,
    /// Streams that ended with a reset, of either TCP connection.
    Reset,
    /// Streams whose target refused.
    Refused,
    /// Streams whose target could not be reached.
    Unreachable,
    /// Streams whose target did not answer.
    TimedOut,
    /// Streams that proxy2 does not permit: to another target, or of a proxy1 that it does not let in.
    Forbidden,
    /// Streams beyond a limit.
    Limit,
    /// Streams closed as idle.
    Idle,
    /// Streams that the end of a proxy cut off.
    Shutdown,
    /// Data bytes from TCP connections into links.
    BytesSent,
    /// Data bytes from links into TCP connections.
    BytesReceived,
    /// Datagrams sent.
    DatagramsSent,
    /// Datagrams received.
    DatagramsReceived,
    /// Packets thought lost, whose contents were sent again.
    PacketsLost,
    /// Packets thought lost that arrived.
    PacketsSpurious,
    /// Times that a peer's address changed.
    Moved,
    /// Times that the peer turned out to be another process.
    Restarted,
    /// Handshakes that were refused.
    HandshakesRefused,
    /// Datagrams dropped because a link's task did not keep up.
    DroppedBusy,
    /// Datagrams of no known form.
    DroppedMalformed,
    /// Datagrams that are not authentic.
    DroppedForged,
    /// Datagrams that came twice, or far too late.
    DroppedReplayed,
    /// Data packets for no link here.
    DroppedStray,
    /// Handshakes that were not answered, or answers that nobody waits for.
    DroppedHandshake,
    /// Datagrams that the system did not send.
    NotSent,
    /// Times that `accept` failed.
    AcceptFailures,
    /// Times that the peer's name was looked up again.
    Lookups,
}

impl Count {
    /// How many there are.
    const NUMBER: usize = Self::Lookups as usize + 1;

    /// What should not happen often, in words.
    const UNUSUAL: [(Self, &'static str); 21] = [
        (Self::Reset, "streams reset"),
        (Self::Refused, "targets refused"),
        (Self::Unreachable, "targets unreachable"),
        (Self::TimedOut, "targets timed out"),
        (Self::Forbidden, "streams not permitted"),
        (Self::Limit, "streams beyond a limit"),
        (Self::Idle, "streams closed as idle"),
        (Self::Shutdown, "streams cut off at the end"),
        (Self::PacketsLost, "packets lost and repaired"),
        (Self::PacketsSpurious, "packets late, not lost"),
        (Self::Moved, "address changes"),
        (Self::Restarted, "restarts of the peer"),
        (Self::HandshakesRefused, "handshakes refused"),
        (Self::DroppedBusy, "datagrams dropped by busy links"),
        (Self::DroppedMalformed, "datagrams not understood"),
        (Self::DroppedForged, "datagrams not authentic"),
        (Self::DroppedReplayed, "datagrams seen before"),
        (Self::DroppedStray, "datagrams for no link"),
        (Self::DroppedHandshake, "handshakes not answered"),
        (Self::NotSent, "datagrams not sent"),
        (Self::AcceptFailures, "accepts failed"),
    ];
}

/// The counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedCounts([u64; Count::NUMBER]);

impl Default for SealedCounts {
    fn default() -> Self {
        Self([0; Count::NUMBER])
    }
}

impl SealedCounts {
    /// One of them.
    pub const fn get(&self, what: Count) -> u64 {
        self.0[what as usize]
    }

    /// Adds to one of them.
    pub(crate) const fn add(&mut self, what: Count, number: u64) {
        self.0[what as usize] = self.0[what as usize].wrapping_add(number);
    }

    /// Takes from one of them.
    pub(crate) const fn subtract(&mut self, what: Count, number: u64) {
        self.0[what as usize] = self.0[what as usize].wrapping_sub(number);
    }

    /// Sets one of them.
    pub(crate) const fn set(&mut self, what: Count, number: u64) {
        self.0[what as usize] = number;
    }

    /// Adds what has changed from `old` to `new`.
    pub(crate) fn add_change(&mut self, old: &Self, new: &Self) {
        for (sum, (old, new)) in self.0.iter_mut().zip(old.0.iter().zip(&new.0)) {
            *sum = sum.wrapping_add(new.wrapping_sub(*old));
        }
    }

    /// What should not happen often, with what it is called in the closing line.
    pub(super) fn unusual(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Count::UNUSUAL.iter().map(|(what, words)| (*words, self.get(*what)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_several_tasks_add_up() {
        let (mut sum, mut one, mut other) =
            (SealedCounts::default(), SealedCounts::default(), SealedCounts::default());
        one.add(Count::StreamsNow, 3);
        sum.add_change(&SealedCounts::default(), &one);
        other.add(Count::StreamsNow, 4);
        sum.add_change(&SealedCounts::default(), &other);
        let old = one;
        one.subtract(Count::StreamsNow, 3);
        one.add(Count::Closed, 3);
        sum.add_change(&old, &one);
        assert_eq!((sum.get(Count::StreamsNow), sum.get(Count::Closed)), (4, 3));
        one.add(Count::Moved, 1);
        let mut happened = one.unusual().filter(|(_, count)| *count > 0);
        assert_eq!((happened.next(), happened.next()), (Some(("address changes", 1)), None));
    }
}
