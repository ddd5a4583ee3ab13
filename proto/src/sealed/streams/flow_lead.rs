//! Whether flows or bulk streams go next, where both have something to send: each has every second byte.

/// By how much one side may be ahead of the other, in bytes: what is sent while the other's next piece does not fit is paid back up to
/// this.
const MOST: i64 = 64 * 1024;

/// How many bytes more flows have sent than streams, since both have had something to send. Flows go first: they drain sooner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlowLead(i64);

impl FlowLead {
    /// Whether the next packet is for datagrams.
    pub(crate) const fn is_flows_turn(self) -> bool {
        self.0 <= 0
    }

    /// Datagrams took `bytes` of a packet.
    pub(crate) fn on_flows(&mut self, bytes: usize) {
        self.add(i64::try_from(bytes).unwrap_or(MOST));
    }

    /// Streams took `bytes` of a packet.
    pub(crate) fn on_streams(&mut self, bytes: usize) {
        self.add(-i64::try_from(bytes).unwrap_or(MOST));
    }

    /// One of them has nothing to send: whoever sends alone takes nothing from the other.
    pub(crate) const fn forget(&mut self) {
        self.0 = 0;
    }

    fn add(&mut self, bytes: i64) {
        self.0 = (self.0 + bytes).clamp(-MOST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_every_second_byte_whatever_the_sizes() {
        let (mut lead, mut sent) = (FlowLead::default(), [0_u32; 2]);
        assert!(lead.is_flows_turn());
        for _ in 0..1_000 {
            if lead.is_flows_turn() {
                lead.on_flows(300);
                sent[0] += 300;
            } else {
                lead.on_streams(1_400);
                sent[1] += 1_400;
            }
        }
        assert!(sent[0].abs_diff(sent[1]) <= 1_400, "{sent:?}");
        lead.on_flows(usize::MAX);
        lead.forget();
        assert!(lead.is_flows_turn());
    }
}
