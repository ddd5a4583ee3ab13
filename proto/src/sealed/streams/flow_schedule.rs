//! Which flow's datagram goes next: start-time fair queueing (P. Goyal, H. M. Vin and H. Cheng, 1996).
//!
//! Each flow has a tag, the bytes it has sent in a time that only runs while flows have something to send. The smallest tag is
//! next. A flow that comes back has the tag of whoever is served now: it earned nothing while it was silent. So one that sends less than
//! its part does not wait for those that flood.

use std::collections::BTreeSet;

/// A flow's place in the schedule.
#[derive(Debug, Default)]
pub(crate) struct FlowTurn {
    tag: u64,
    queued: bool,
}

/// The keys of the flows that have something to send.
#[derive(Debug, Default)]
pub(crate) struct FlowSchedule {
    ready: BTreeSet<(u64, usize)>,
    /// The tag of the flow that was served last.
    served: u64,
}

impl FlowSchedule {
    /// The flow `key` has something to send.
    pub(crate) fn wake(&mut self, key: usize, turn: &mut FlowTurn) {
        if !std::mem::replace(&mut turn.queued, true) {
            turn.tag = turn.tag.max(self.served);
            self.ready.insert((turn.tag, key));
        }
    }

    /// The flow whose turn it is.
    pub(crate) fn front(&self) -> Option<usize> {
        self.ready.first().map(|(_, key)| *key)
    }

    /// The flow `key` sent `bytes`; `more` says whether it has more to send.
    pub(crate) fn sent(&mut self, key: usize, turn: &mut FlowTurn, bytes: u64, more: bool) {
        self.served = self.served.max(turn.tag);
        self.remove(key, turn);
        turn.tag += bytes;
        if more {
            self.wake(key, turn);
        }
    }

    /// The flow `key` has nothing to send, or is gone.
    pub(crate) fn remove(&mut self, key: usize, turn: &mut FlowTurn) {
        if std::mem::take(&mut turn.queued) {
            self.ready.remove(&(turn.tag, key));
        }
    }

    /// Whether no flow has anything to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_that_sends_little_does_not_wait_for_a_flood() {
        let (mut schedule, mut turns) = (FlowSchedule::default(), [(); 3].map(|()| FlowTurn::default()));
        for key in [0, 1] {
            schedule.wake(key, &mut turns[key]);
        }
        let mut sent = [0_u32; 3];
        for round in 0..300 {
            if round % 10 == 0 {
                schedule.wake(2, &mut turns[2]);
            }
            let next = schedule.front().unwrap();
            schedule.sent(next, &mut turns[next], 1_000, next != 2);
            sent[next] += 1;
            assert!(round % 10 < 2 || !turns[2].queued, "it waits for one datagram of each of the others");
        }
        assert_eq!(sent[2], 30);
        assert!(sent[0].abs_diff(sent[1]) <= 2, "{sent:?}");
    }

    #[test]
    fn silence_earns_nothing_and_who_is_gone_leaves_nothing() {
        let (mut schedule, mut turns) = (FlowSchedule::default(), [(); 2].map(|()| FlowTurn::default()));
        schedule.wake(0, &mut turns[0]);
        (0..100).for_each(|_| schedule.sent(0, &mut turns[0], 1_000, true));
        schedule.wake(1, &mut turns[1]);
        let order: Vec<_> = (0..6)
            .map(|_| {
                let next = schedule.front().unwrap();
                schedule.sent(next, &mut turns[next], 1_000, true);
                next
            })
            .collect();
        assert_eq!(order.iter().filter(|key| **key == 1).count(), 3, "{order:?}");
        schedule.remove(0, &mut turns[0]);
        schedule.remove(1, &mut turns[1]);
        assert!(schedule.is_empty());
    }
}
