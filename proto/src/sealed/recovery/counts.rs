//! What is counted of what was sent.

/// What recovery has seen, in packets unless something else is said. It goes on when the path or the peer changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sent, of those that have to be acknowledged.
    pub sent: u64,
    /// Bytes of UDP payload of all packets that were sent.
    pub bytes: u64,
    /// Bytes of streams in them, however often.
    pub data_bytes: u64,
    /// Those of these that had been sent before.
    pub resent_bytes: u64,
    /// Thought lost.
    pub lost: u64,
    /// Thought lost, but arrived.
    pub spurious: u64,
    /// Arrived with the mark of a queue on the path (ECN).
    pub marked: u64,
    /// Probe time-outs.
    pub timeouts: u64,
}

impl Counts {
    /// So many bytes of a stream are in the packet that is being made; `again`: they were in one before.
    pub(crate) const fn on_data(&mut self, length: usize, again: bool) {
        self.data_bytes += length as u64;
        if again {
            self.resent_bytes += length as u64;
        }
    }
}
