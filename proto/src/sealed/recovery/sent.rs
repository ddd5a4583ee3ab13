//! The packets that left and what was in them, in a ring indexed by packet number.

use crate::sealed::recovery::rate::Snapshot;
use crate::sealed::wire::frame::StreamId;
use crate::time::Time;
use std::collections::VecDeque;
use std::ops::Range;

/// A frame that matters until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// `C` of this stream.
    Open(StreamId),
    /// `K` of this stream.
    Opened(StreamId),
    /// `D`.
    Data { id: StreamId, range: Range<u64>, fin: bool },
    /// `X` of this stream.
    Reset(StreamId),
    /// `W` of this stream.
    Credit(StreamId),
    /// `M`.
    LinkCredit,
    /// A path MTU probe of this size.
    MtuProbe(u16),
    /// So many `U`. They do not go again: their loss is counted.
    Datagrams(u32),
}

impl Content {
    /// The stream it belongs to.
    pub(crate) const fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Open(id)
            | Self::Opened(id)
            | Self::Data { id, .. }
            | Self::Reset(id)
            | Self::Credit(id) => Some(*id),
            Self::LinkCredit | Self::MtuProbe(_) | Self::Datagrams(_) => None,
        }
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is not ack-eliciting: only acknowledgements were in it. Or there was no such packet: its number was left out.
    NotAckEliciting,
    /// On its way.
    InFlight,
    /// Thought lost; its frames go again. Kept for a while, to see whether it arrives after all.
    Lost,
    /// Acknowledged.
    Acked,
}

/// One packet that left.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// When it left.
    pub(crate) sent: Time,
    /// Its UDP payload in bytes.
    pub(crate) size: u32,
    /// What became of it.
    pub(crate) fate: Fate,
    /// It left as ECT(0).
    pub(crate) ecn_capable: bool,
    /// It left though the window was full.
    beyond_window: bool,
    /// Tag of the congestion controller: in which phase it left.
    pub(crate) phase: u32,
    /// For the delivery rate.
    pub(crate) snapshot: Snapshot,
    /// Ring numbers of its contents.
    contents: Range<u64>,
}

impl Packet {
    /// Its part of what left beyond a full window, in bytes.
    pub(crate) const fn overdrawn(&self) -> u64 {
        if self.beyond_window { self.size as u64 } else { 0 }
    }
}

/// A ring of packets from the oldest that may still matter to the newest.
#[derive(Debug, Default)]
pub(crate) struct SentLog {
    packets: VecDeque<Packet>,
    base: u64,
    contents: VecDeque<Content>,
    contents_base: u64,
    /// Contents before this belong to packets; those behind it to the packet that is being made.
    contents_used: u64,
    in_flight: u64,
    in_flight_packets: u64,
    /// Nothing below this number is in flight.
    oldest: u64,
}

impl SentLog {
    /// The number of the next packet.
    pub(crate) fn next(&self) -> u64 {
        self.base + self.packets.len() as u64
    }

    /// Goes on with another number. Nothing may be held.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, number: u64) {
        assert!(self.packets.is_empty() && number >= self.base);
        self.base = number;
    }

    /// The lowest number that is still held.
    pub(crate) const fn base(&self) -> u64 {
        self.base
    }

    /// Gives back the room for packets that are not held any more.
    pub(crate) fn rest(&mut self) {
        self.packets.shrink_to_fit();
        self.contents.shrink_to_fit();
    }

    /// UDP payload bytes in flight.
    pub(crate) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Packets in flight.
    pub(crate) const fn in_flight_packets(&self) -> u64 {
        self.in_flight_packets
    }

    /// Notes content of the packet that is being made.
    pub(crate) fn note(&mut self, content: Content) {
        self.contents.push_back(content);
    }

    /// The packet that was being made leaves, with what was noted for it.
    pub(crate) fn push(
        &mut self,
        sent: Time,
        size: u32,
        ack_eliciting: bool,
        phase: u32,
        snapshot: Snapshot,
    ) {
        let end = self.contents_base + self.contents.len() as u64;
        let contents = self.contents_used..end;
        self.contents_used = end;
        let fate = if ack_eliciting { Fate::InFlight } else { Fate::NotAckEliciting };
        if ack_eliciting {
            self.in_flight += u64::from(size);
            self.in_flight_packets += 1;
        }
        self.packets.push_back(Packet {
            sent,
            size,
            fate,
            ecn_capable: false,
            beyond_window: false,
            phase,
            snapshot,
            contents,
        });
    }

    /// The last packet leaves as ECT(0).
    pub(crate) fn mark_last(&mut self) {
        if let Some(packet) = self.packets.back_mut() {
            packet.ecn_capable = true;
        }
    }

    /// The last packet leaves though the window is full.
    pub(crate) fn last_is_beyond_window(&mut self) {
        if let Some(packet) = self.packets.back_mut() {
            packet.beyond_window = true;
        }
    }

    /// No packet has the next number.
    pub(crate) fn leave_out(&mut self, now: Time) {
        self.push(now, 0, false, 0, Snapshot::default());
    }

    /// Whether so much was sent since a packet of `before` left that is still in flight that a peer which keeps to the
    /// specification has acknowledged it: it sends nothing of its own for so long without an acknowledgement from here.
    pub(crate) fn is_unanswered(&self, before: Time) -> bool {
        let old = |front: &Packet| front.fate == Fate::InFlight && front.sent <= before;
        self.is_long() && self.packets.front().is_some_and(old)
    }

    /// Whether it holds many more packets than are in flight.
    pub(crate) fn is_long(&self) -> bool {
        /// Packets of no more than acknowledgements, beside those in flight: 5 MB of this log.
        const MOST: u64 = 1 << 16;
        self.packets.len() as u64 > MOST + 2 * self.in_flight_packets
    }

    fn at(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.base)?).ok().filter(|at| *at < self.packets.len())
    }

    /// The packet with this number, unless it no longer matters.
    pub(crate) fn get(&self, number: u64) -> Option<&Packet> {
        self.packets.get(self.at(number)?)
    }

    /// What was in packet `number`.
    pub(crate) fn contents(&self, number: u64) -> impl Iterator<Item = &Content> {
        let range = self.get(number).map_or(0..0, |packet| packet.contents.clone());
        let at = |ring: u64| usize::try_from(ring.saturating_sub(self.contents_base)).unwrap_or(usize::MAX);
        self.contents.range(at(range.start).min(self.contents.len())..at(range.end).min(self.contents.len()))
    }

    /// Where the contents of packet `number` are, for [`SentLog::content`].
    pub(crate) fn places(&self, number: u64) -> Range<u64> {
        self.get(number).map_or(0..0, |packet| packet.contents.clone())
    }

    /// What is there, unless it no longer matters.
    pub(crate) fn content(&self, place: u64) -> Option<&Content> {
        self.contents.get(usize::try_from(place.checked_sub(self.contents_base)?).ok()?)
    }

    /// Changes the fate of packet `number` and returns what it was.
    pub(crate) fn set_fate(&mut self, number: u64, fate: Fate) -> Option<Fate> {
        let at = self.at(number)?;
        let packet = &mut self.packets[at];
        let was = std::mem::replace(&mut packet.fate, fate);
        if was == Fate::InFlight && fate != Fate::InFlight {
            self.in_flight -= u64::from(packet.size);
            self.in_flight_packets -= 1;
        }
        Some(was)
    }

    /// The part of `range` that this log still holds.
    pub(crate) fn held(&self, range: Range<u64>) -> Range<u64> {
        range.start.max(self.base)..range.end.min(self.next())
    }

    /// The lowest packet in flight; the next number where none is.
    pub(crate) fn oldest_in_flight(&mut self) -> u64 {
        let mut number = self.oldest.max(self.base);
        while self.get(number).is_some_and(|packet| packet.fate != Fate::InFlight) {
            number += 1;
        }
        self.oldest = number;
        number
    }

    /// Numbers of the packets in flight below `end`, ascending.
    pub(crate) fn in_flight_below(&self, end: u64) -> impl Iterator<Item = (u64, &Packet)> {
        let from = self.oldest.max(self.base);
        let first = self.at(from).unwrap_or(self.packets.len());
        let numbers = from..end;
        numbers.zip(self.packets.range(first..)).filter(|(_, packet)| packet.fate == Fate::InFlight)
    }

    /// Forgets the packets at the front that no longer matter: all but those in flight, and those lost after
    /// `remember`. A peer can make round trips, and with them that time, as long as it likes: a long log remembers none that
    /// were lost.
    pub(crate) fn forget(&mut self, remember: Time) {
        while let Some(front) = self.packets.front() {
            let matters = match front.fate {
                Fate::InFlight => true,
                Fate::Lost => front.sent >= remember && !self.is_long(),
                Fate::Acked | Fate::NotAckEliciting => false,
            };
            if matters {
                return;
            }
            let contents = front.contents.clone();
            self.packets.pop_front();
            self.base += 1;
            while self.contents_base < contents.end {
                self.contents.pop_front();
                self.contents_base += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn content(id: u64) -> Content {
        Content::Reset(StreamId(id))
    }

    #[test]
    fn contents_stay_with_their_packet() {
        let mut log = SentLog::default();
        for number in 0..4u64 {
            for copy in 0..number {
                log.note(content(number * 10 + copy));
            }
            log.push(Time::ZERO, 100, number != 1, 0, Snapshot::default());
        }
        assert_eq!((log.in_flight(), log.in_flight_packets()), (300, 3));
        log.set_fate(0, Fate::Acked);
        log.set_fate(2, Fate::Acked);
        log.forget(Time::ZERO);
        assert_eq!(log.contents(0).count(), 0, "forgotten");
        assert_eq!(log.contents(3).cloned().collect::<Vec<_>>(), [content(30), content(31), content(32)]);
        assert_eq!((log.oldest_in_flight(), log.next()), (3, 4));
    }

    #[test]
    fn lost_packets_are_remembered_for_a_while() {
        let mut log = SentLog::default();
        log.push(Time::ZERO, 100, true, 0, Snapshot::default());
        log.set_fate(0, Fate::Lost);
        log.forget(Time::ZERO);
        assert!(log.get(0).is_some());
        log.forget(Time::ZERO + Duration::from_nanos(1));
        assert!(log.get(0).is_none());
    }
}
