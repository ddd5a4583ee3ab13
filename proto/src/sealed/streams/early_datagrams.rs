//! Datagrams that came before the frame that opens their flow: a few, for a short while.
//!
//! They have most likely overtaken it, and what comes first of a flow is often all of it: a question to a name server is asked
//! again only after seconds. As nothing of them comes again, the packet counts as arrived whether they are kept or not.

use crate::sealed::streams::datagram_queue::cost_of;
use crate::sealed::wire::frame::StreamId;
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// What they cost together at the most, in bytes: a first flight of twenty full packets.
const MOST: u64 = 32 * 1024;

/// How long one is kept: the frame that opens the flow comes again within about this, where it was lost.
const PATIENCE: Duration = Duration::from_secs(1);

struct EarlyDatagram {
    id: StreamId,
    since: Time,
    bytes: Box<[u8]>,
}

/// All of a link, the oldest first.
#[derive(Default)]
pub(crate) struct EarlyDatagrams {
    kept: VecDeque<EarlyDatagram>,
    cost: u64,
}

impl EarlyDatagrams {
    /// Keeps one if it fits into `free` bytes of memory; the oldest make room. Returns how many were dropped.
    pub(crate) fn keep(&mut self, now: Time, id: StreamId, bytes: &[u8], free: u64) -> u64 {
        let (cost, most) = (cost_of(bytes.len()), MOST.min(self.cost + free));
        if cost > most {
            return 1;
        }
        let mut dropped = 0;
        while self.cost + cost > most
            && let Some(oldest) = self.kept.pop_front()
        {
            self.cost -= cost_of(oldest.bytes.len());
            dropped += 1;
        }
        self.cost += cost;
        self.kept.push_back(EarlyDatagram { id, since: now, bytes: bytes.into() });
        dropped
    }

    /// Takes out those of a stream that has been opened, and how many of it were too old.
    pub(crate) fn take(&mut self, now: Time, id: StreamId) -> (Vec<Box<[u8]>>, u64) {
        let (mut taken, mut old) = (Vec::new(), 0);
        if self.kept.is_empty() {
            return (taken, old);
        }
        for datagram in std::mem::take(&mut self.kept) {
            if datagram.id != id {
                self.kept.push_back(datagram);
                continue;
            }
            self.cost -= cost_of(datagram.bytes.len());
            if now.since(datagram.since) > PATIENCE {
                old += 1;
            } else {
                taken.push(datagram.bytes);
            }
        }
        (taken, old)
    }

    /// What they cost, in bytes.
    pub(crate) const fn cost(&self) -> u64 {
        self.cost
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

// Payloads are for nobody's eyes.
impl std::fmt::Debug for EarlyDatagrams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} datagrams that cost {}", self.kept.len(), self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_kept_for_a_while_and_come_out_by_flow() {
        let (mut early, now) = (EarlyDatagrams::default(), Time::ZERO);
        for number in 0..4 {
            assert_eq!(
                early.keep(now, StreamId(number % 2 * 2), &[u8::try_from(number).unwrap()], 1 << 20),
                0
            );
        }
        let (taken, old) = early.take(now + PATIENCE, StreamId(2));
        assert_eq!((taken.iter().map(|bytes| bytes[0]).collect::<Vec<_>>(), old), (vec![1, 3], 0));
        assert_eq!(early.take(now + PATIENCE * 2, StreamId(0)), (Vec::new(), 2));
        assert_eq!((early.cost(), early.len()), (0, 0));
    }

    #[test]
    fn a_flood_for_flows_that_are_never_opened_costs_no_more_than_the_limit() {
        let mut early = EarlyDatagrams::default();
        let dropped: u64 =
            (0..10_000).map(|at| early.keep(Time::ZERO, StreamId(at * 2), &[7; 100], 1 << 20)).sum();
        assert!(early.cost() <= MOST && early.len() > 100, "{early:?}");
        assert_eq!(dropped, 10_000 - early.len() as u64);
        assert_eq!(EarlyDatagrams::default().keep(Time::ZERO, StreamId(0), b"x", 0), 1, "no memory");
    }
}
