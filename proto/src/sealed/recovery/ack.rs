//! What has arrived from the peer, and when to say so.

use super::rtt;
use crate::sealed::wire::ecn::{Ecn, EcnCounts};
use crate::sealed::wire::frame::{self, Frame};
use crate::sealed::wire::ranges::RangeSet;
use crate::sealed::wire::varint::{self, Writer};
use crate::time::Time;
use std::ops::Range;
use std::time::Duration;

/// Ack-eliciting packets that may wait for an acknowledgement together. At 100 Mbit/s one in ten keeps the way
/// back at 1 % of the way there; a batch read in one system call is acknowledged at once whatever its size.
pub(crate) const PACKETS: u32 = 10;

/// The longest that an acknowledgement waits; the peer adds it to its probe time-out.
pub(crate) const MAX_DELAY: Duration = Duration::from_millis(5);

/// Ranges held, and said in one frame, at the most: what a path leaves open that carries 1 Gbit/s and lets packets overtake
/// each other by 10 ms, or loses half of what leaves in a round trip of 50 ms at 100 Mbit/s. Only a peer that leaves gaps on
/// purpose has more; the lowest go first, and at worst the peer sends again what had arrived.
const MAX_RANGES: usize = 256;

/// Bytes of a frame that are free; the rest must have arrived since the last one. So gaps in packet numbers, which cost their
/// sender nothing, bring no more than about twice the bytes back.
const FREE_BYTES: usize = 48;

/// Packets after one that was overtaken for which the order says nothing: a gap is then more likely one that fills by itself than a
/// loss, and an acknowledgement for each packet would take a twentieth of the way back.
const DISORDER: u32 = 64;

/// [`PACKETS`] then: acknowledgements overtake each other as well, and with fewer of them the newest that has arrived is older. With ten
/// rates are measured a tenth too high, with one they cost what is gained.
const DISORDERED: u32 = 4;

/// How soon a packet must be acknowledged. Of several frames the one that may wait longest decides: it shares the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AckNeed {
    /// It is not ack-eliciting (RFC 9000 section 13.2).
    None,
    /// A probe on a link that carries nothing. The acknowledgement could share its packet with nothing, and to wait costs whoever serves thousands of idle links a timer and a wake-up for each.
    AtOnce,
    /// It may wait for others, up to [`MAX_DELAY`].
    Delayed,
}

/// Tracks the packets that arrived.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    received: RangeSet,
    /// Below this the peer waits for nothing.
    floor: u64,
    largest_at: Time,
    /// Ack-eliciting packets since the last acknowledgement.
    waiting: u32,
    /// Bytes of frames in packets since the last acknowledgement.
    bytes: usize,
    due: Option<Time>,
    /// With which marks packets came.
    ecn: EcnCounts,
    /// The peer wants to know.
    tells_ecn: bool,
    /// The last packet met a queue, and the one before.
    congested: [bool; 2],
    /// So many of the next packets may come in any order.
    disorder: u32,
}

impl Acks {
    /// The peer understands the frame that says with which marks packets came, or does not.
    pub(crate) const fn tell_ecn(&mut self, tells: bool) {
        self.tells_ecn = tells;
    }

    /// The packet that [`Acks::received`] follows for came with this mark.
    pub(crate) const fn on_ecn(&mut self, ecn: Ecn) {
        self.ecn.on_packet(ecn);
        self.congested = [matches!(ecn, Ecn::Congested), self.congested[0]];
    }

    /// Notes that packet `number` arrived, with `bytes` of frames. `rtt` sets how long an acknowledgement may wait: a sixteenth of the
    /// round trip, so that the peer's clock of acknowledgements stays fine.
    pub(crate) fn received(&mut self, now: Time, number: u64, bytes: usize, need: AckNeed, rtt: &rtt::Rtt) {
        self.bytes = self.bytes.saturating_add(bytes);
        let largest = self.received.last().map(|range| range.end - 1);
        let in_order = largest.is_none_or(|largest| number == largest + 1);
        if largest.is_none_or(|largest| number > largest) {
            self.largest_at = now;
        }
        // What goes again has a new number, so one below the highest was overtaken.
        self.disorder = if largest.is_some_and(|largest| number < largest) {
            DISORDER
        } else {
            self.disorder.saturating_sub(1)
        };
        self.received.insert(number..number + 1);
        while self.received.len() > MAX_RANGES {
            self.received.pop_first();
        }
        if need == AckNeed::None {
            return;
        }
        self.waiting += 1;
        let delay = (rtt.smoothed() / 16).clamp(rtt::GRANULARITY, MAX_DELAY);
        // The sooner the peer hears of a queue the shorter it stays (RFC 9000 section 13.2.1); of the next marks it hears with the rest.
        let meets_queue = self.congested == [true, false];
        // What the peer has given up is news, and it is told before its place is forgotten.
        let (urgent, most) =
            if self.disorder > 0 { (number < self.floor, DISORDERED) } else { (!in_order, PACKETS) };
        let urgent = urgent || meets_queue || need == AckNeed::AtOnce;
        let due = if urgent || self.waiting >= most { now } else { now + delay };
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// The peer waits for nothing below `packet`.
    pub(crate) fn raise_floor(&mut self, packet: u64) {
        self.floor = self.floor.max(packet);
        // The highest range stays whatever the peer says: it tells the order of what comes.
        let highest = self.received.last().map_or(packet, |range| range.start);
        self.received.remove_below(packet.min(highest));
    }

    /// How many ranges, from the highest down and one or more, `bytes` hold at least.
    fn affordable(&self, bytes: usize) -> usize {
        /// The most bytes that a range and the gap before it take.
        const LARGEST: usize = 16;
        if self.received.len() * LARGEST <= bytes {
            return self.received.len();
        }
        let (mut left, mut low) = (bytes, None);
        let mut fits = |range: &Range<u64>| {
            let gap = low.map_or(0, |low: u64| varint::size(low - range.end));
            let size = gap + varint::size(range.end - range.start);
            low = Some(range.start);
            left = left.saturating_sub(size);
            left > 0
        };
        self.received.iter().rev().take_while(&mut fits).count().max(1)
    }

    /// When an acknowledgement must leave.
    pub(crate) const fn due(&self) -> Option<Time> {
        self.due
    }

    /// Whether one could leave: something came since the last.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Writes the frame, as many ranges as fit, and the counts of marks before it; false where there is nothing to say or no room.
    pub(crate) fn put(&mut self, now: Time, out: &mut Writer<'_>) -> bool {
        if self.tells_ecn && !self.ecn.is_empty() {
            // Without its counts an acknowledgement would say that there are none.
            if out.room() < frame::SMALL_FRAME + FREE_BYTES {
                return false;
            }
            frame::put(out, &Frame::Ecn(self.ecn));
        }
        let most = self.affordable(FREE_BYTES + self.bytes);
        let written = frame::put_ack(out, now.since(self.largest_at), self.received.iter().rev().take(most));
        if written {
            (self.waiting, self.bytes) = (0, 0);
            self.due = None;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::recovery::rtt::Rtt;

    /// Bytes of the acknowledgement after each of `count` packets of `bytes` with a gap before each.
    fn answers(count: u64, bytes: usize, gap: u64) -> Vec<usize> {
        let (mut acks, rtt, mut room) = (Acks::default(), Rtt::default(), [0; 1_400]);
        let numbers = (0..count).map(|place| place * (gap + 1));
        let answer = |number| {
            acks.received(Time::ZERO, number, bytes, AckNeed::Delayed, &rtt);
            let mut writer = Writer::new(&mut room);
            assert!(acks.put(Time::ZERO, &mut writer));
            assert!(acks.received.len() <= MAX_RANGES, "no floor, and yet an end");
            writer.len()
        };
        numbers.map(answer).collect()
    }

    #[test]
    fn gaps_that_cost_nothing_bring_no_more_than_they_sent_and_a_little() {
        for (bytes, gap) in [(1, 1), (1, 1 << 40), (60, 1 << 40), (1_400, 1), (1_400, 1 << 40)] {
            let most = answers(2_000, bytes, gap).into_iter().max().expect("some");
            assert!(most <= bytes + FREE_BYTES + 32, "{most} bytes for {bytes} with gaps of {gap}");
        }
    }

    #[test]
    fn disorder_of_honest_packets_is_told_whole() {
        let last = *answers(200, 1_400, 1).last().expect("some");
        assert!(last >= 2 * 200, "{last} bytes for 200 ranges");
    }

    #[test]
    fn a_sign_of_life_does_not_wait_for_company() {
        for (need, waits) in
            [(AckNeed::None, None), (AckNeed::AtOnce, Some(false)), (AckNeed::Delayed, Some(true))]
        {
            let (mut acks, rtt) = (Acks::default(), Rtt::default());
            acks.received(Time::ZERO, 0, 1, need, &rtt);
            assert_eq!(acks.due().map(|due| due > Time::ZERO), waits, "{need:?}");
        }
    }

    #[test]
    fn where_packets_overtake_each_other_not_each_is_acknowledged_by_itself() {
        let (mut acks, rtt, mut room) = (Acks::default(), Rtt::default(), [0; 1_400]);
        let order = (0..40u64).map(|at| at ^ 1);
        let told = order.filter(|number| {
            acks.received(Time::ZERO, *number, 1_000, AckNeed::Delayed, &rtt);
            let due = acks.due().is_some_and(|due| due <= Time::ZERO);
            due && acks.put(Time::ZERO, &mut Writer::new(&mut room))
        });
        assert!((9..=12).contains(&told.count()));
    }
}
