//! The sending half of a stream: bytes the peer has not acknowledged, and which of them must go (again).

use crate::sealed::streams::announce::Announce;
use crate::sealed::streams::pool::Pool;
use crate::sealed::streams::send_buffer::SendBuffer;
use crate::sealed::streams::send_state::SendState;
use crate::sealed::wire::frame::ResetCode;
use crate::sealed::wire::ranges::RangeSet;
use std::ops::Range;

/// What one data frame may carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendPiece {
    /// Stream offsets of the bytes.
    pub(crate) range: Range<u64>,
    /// Whether the direction ends behind them.
    pub(crate) fin: bool,
    /// Whether they have been sent before.
    pub(crate) again: bool,
}

/// Bytes from `base` (acknowledged without a gap) over `next` (first never sent) to `end` (written by the
/// application).
#[derive(Debug, Default)]
pub(crate) struct SendHalf {
    buffer: SendBuffer,
    base: u64,
    next: u64,
    end: u64,
    /// The peer takes bytes up to this offset.
    credit: u64,
    /// Acknowledged beyond `base`.
    acked: RangeSet,
    /// Sent, not acknowledged, and to be sent again.
    lost: RangeSet,
    /// Where it is in its life.
    pub(crate) state: SendState,
}

impl SendHalf {
    /// The application's next `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8], pool: &mut Pool) {
        debug_assert!(self.state == SendState::Send, "nothing is written behind the end");
        self.buffer.write(self.end, bytes, pool);
        self.end += bytes.len() as u64;
    }

    /// Lets `fill` write into at most `slices` slices of room and takes as many bytes as it says.
    pub(crate) fn write_with<E>(
        &mut self,
        slices: usize,
        pool: &mut Pool,
        fill: impl FnOnce(&mut dyn Iterator<Item = &mut [u8]>) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let filled = self.buffer.write_with(self.end, slices, pool, fill);
        self.end += *filled.as_ref().unwrap_or(&0) as u64;
        filled
    }

    /// What `X` says, if it has to leave now; then it leaves.
    pub(crate) const fn take_reset(&mut self) -> Option<(ResetCode, u64)> {
        match self.state.take_reset() {
            Some(code) => Some((code, self.end)),
            None => None,
        }
    }

    /// The peer has reset the stream: nothing is kept for it.
    pub(crate) fn stop(&mut self, pool: &mut Pool) {
        self.clear(pool);
        self.state = SendState::Stopped;
    }

    /// The peer is gone. One that waited for nothing had acknowledged what was sent to it.
    pub(crate) fn on_peer_gone(&mut self, pool: &mut Pool) {
        self.clear(pool);
        self.state.on_peer_gone();
    }

    /// Bytes written and not yet acknowledged.
    pub(crate) const fn held(&self) -> u64 {
        self.end - self.base
    }

    /// Bytes written and never sent.
    pub(crate) const fn unsent(&self) -> u64 {
        self.end - self.next
    }

    /// Bytes that the peer takes beyond those written.
    pub(crate) const fn credit_left(&self) -> u64 {
        self.credit.saturating_sub(self.end)
    }

    /// The offset behind the last byte ever sent.
    pub(crate) const fn sent_end(&self) -> u64 {
        self.next
    }

    /// The peer takes bytes up to `end`; true if that lets more go.
    pub(crate) fn raise_credit(&mut self, end: u64) -> bool {
        let more = end > self.credit;
        self.credit = self.credit.max(end);
        more
    }

    /// The credit given so far means nothing any more; nothing has been sent.
    pub(crate) fn forget_credit(&mut self) {
        debug_assert!(self.next == 0, "what is sent is sent");
        self.credit = 0;
    }

    /// Whether there is something to put into a packet now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.lost.is_empty() || self.next < self.end.min(self.credit) || self.fin_ready()
    }

    fn fin_ready(&self) -> bool {
        self.next == self.end && self.state.fin().is_some_and(Announce::is_due)
    }

    /// Takes what goes next, at most `room` bytes: lost bytes first, then new ones.
    pub(crate) fn take(&mut self, room: usize) -> Option<SendPiece> {
        let room = room as u64;
        if let Some(lost) = self.lost.first() {
            let range = lost.start..lost.end.min(lost.start + room);
            if range.is_empty() {
                return None;
            }
            self.lost.remove(range.clone());
            let fin = range.end == self.end && self.state.fin().is_some_and(Announce::is_pending);
            return Some(SendPiece { fin: self.fin_goes(fin), again: true, range });
        }
        let end = self.end.min(self.credit).min(self.next + room);
        let range = self.next..end.max(self.next);
        let fin = range.end == self.end && self.state.fin().is_some_and(Announce::is_due);
        if range.is_empty() && !fin {
            return None;
        }
        self.next = range.end;
        Some(SendPiece { fin: self.fin_goes(fin), again: false, range })
    }

    const fn fin_goes(&mut self, goes: bool) -> bool {
        if goes {
            self.state.on_fin_sent();
        }
        goes
    }

    /// What the peer may still lack of a piece that was sent; empty where that is the end alone. What is acknowledged up
    /// to it is not held any more.
    pub(crate) fn lacking(&self, range: &Range<u64>, fin: bool) -> Option<Range<u64>> {
        let held = range.start.max(self.base)..range.end.max(self.base);
        let wanted = self.acked.gaps_in(held.clone()).next().is_some();
        if wanted || fin && self.base == self.end && self.state.fin() == Some(Announce::Sent) {
            return Some(held);
        }
        None
    }

    /// Whether nothing of it has left: bytes can leave before the frame that opens their stream, if that does not fit.
    pub(crate) fn is_untouched(&self) -> bool {
        self.next == 0 && !self.state.fin().is_some_and(Announce::has_left)
    }

    /// Copies the bytes of a piece that was taken.
    pub(crate) fn copy(&self, range: &Range<u64>, out: &mut [u8]) {
        debug_assert_eq!(out.len() as u64, range.end - range.start);
        self.buffer.copy(range.start, out);
    }

    /// The peer has these bytes.
    pub(crate) fn on_acked(&mut self, range: Range<u64>, fin: bool, pool: &mut Pool) {
        if fin {
            self.state.on_fin_acked();
        }
        self.on_bytes_acked(range, pool);
        if self.base == self.end {
            self.state.on_bytes_acked();
        }
    }

    fn on_bytes_acked(&mut self, range: Range<u64>, pool: &mut Pool) {
        if !self.lost.is_empty() {
            self.lost.remove(range.clone());
        }
        if range.end <= self.base {
            return;
        }
        if range.start > self.base {
            self.acked.insert(range);
            return;
        }
        self.base = range.end;
        while let Some(first) = self.acked.first().filter(|first| first.start <= self.base) {
            self.base = self.base.max(first.end);
            self.acked.pop_first();
        }
        self.buffer.release(self.base, pool);
        if self.base == self.end {
            self.acked.shrink();
            self.lost.shrink();
        }
    }

    /// These bytes must go again, but for those that arrived meanwhile. True if any must.
    pub(crate) fn on_lost(&mut self, range: Range<u64>, fin: bool) -> bool {
        if fin {
            self.state.on_fin_lost();
        }
        let range = range.start.max(self.base)..range.end;
        if range.start < range.end {
            for gap in self.acked.gaps_in(range) {
                self.lost.insert(gap);
            }
        }
        self.is_ready()
    }

    /// Drops what the peer gives no credit for: what was reset ends there.
    pub(crate) fn cut(&mut self, pool: &mut Pool) {
        let end = self.end.min(self.credit).max(self.next);
        if end < self.end {
            self.state.on_cut();
        }
        self.end = end;
        self.buffer.cut(self.end, pool);
    }

    /// Forgets all bytes.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        self.buffer.clear(pool);
        (self.base, self.end, self.credit) = (self.next, self.next, 0);
        (self.acked, self.lost) = (RangeSet::default(), RangeSet::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credited(credit: u64) -> SendHalf {
        SendHalf { credit, ..SendHalf::default() }
    }

    fn half(bytes: usize) -> (SendHalf, Pool) {
        let mut pool = Pool::keeping(0);
        let mut half = credited(1_000_000);
        half.write(&vec![7; bytes], &mut pool);
        (half, pool)
    }

    fn piece(range: Range<u64>, fin: bool, again: bool) -> Option<SendPiece> {
        Some(SendPiece { range, fin, again })
    }

    fn reset(half: &mut SendHalf, pool: &mut Pool) {
        half.state.reset(ResetCode::Reset);
        half.cut(pool);
    }

    #[test]
    fn new_bytes_then_the_end_with_the_last_of_them() {
        let (mut half, _) = half(150);
        half.state.finish();
        assert_eq!(half.take(100), piece(0..100, false, false));
        assert_eq!(half.take(100), piece(100..150, true, false));
        assert_eq!(half.take(100), None);
    }

    #[test]
    fn what_is_lost_goes_first_and_only_once() {
        let (mut half, mut pool) = half(300);
        half.take(100);
        half.take(100);
        half.on_lost(0..100, false);
        half.on_acked(50..60, false, &mut pool);
        assert_eq!(half.take(100), piece(0..50, false, true));
        assert_eq!(half.take(100), piece(60..100, false, true));
        assert_eq!(half.take(100), piece(200..300, false, false));
    }

    #[test]
    fn a_lost_end_goes_again() {
        let (mut half, mut pool) = half(10);
        half.state.finish();
        half.take(100);
        half.on_acked(0..10, false, &mut pool);
        half.on_lost(0..10, true);
        assert_eq!(half.take(100), piece(10..10, true, false));
        half.on_acked(10..10, true, &mut pool);
        assert_eq!(half.state, SendState::DataRecvd);
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn of_a_piece_only_what_is_held_goes_a_second_time() {
        let (mut half, mut pool) = half(150);
        half.state.finish();
        half.take(100);
        half.take(100);
        assert_eq!(half.lacking(&(0..100), false), Some(0..100));
        half.on_acked(0..40, false, &mut pool);
        assert_eq!(half.lacking(&(0..100), false), Some(40..100));
        half.on_acked(40..150, false, &mut pool);
        assert_eq!(half.lacking(&(0..100), false), None);
        assert_eq!(
            half.lacking(&(100..150), true),
            Some(150..150),
            "the bytes are there, the end may not be"
        );
        half.on_acked(100..150, true, &mut pool);
        assert_eq!(half.lacking(&(100..150), true), None);
    }

    #[test]
    fn credit_holds_back_and_cuts() {
        let mut pool = Pool::keeping(0);
        let mut half = credited(100);
        half.write(&[1; 300], &mut pool);
        assert_eq!(half.take(1_000), piece(0..100, false, false));
        assert!(half.unsent() == 200 && half.take(1_000).is_none());
        assert!(half.raise_credit(150));
        reset(&mut half, &mut pool);
        assert_eq!(half.take_reset(), Some((ResetCode::Reset, 150)));
        assert_eq!(half.take(1_000), piece(100..150, false, false));
    }

    #[test]
    fn a_stream_that_is_cut_does_not_end_in_order() {
        let mut pool = Pool::keeping(0);
        let mut half = credited(100);
        half.write(&[1; 300], &mut pool);
        half.state.finish();
        assert_eq!(half.take(1_000), piece(0..100, false, false));
        reset(&mut half, &mut pool);
        assert_eq!(half.take_reset(), Some((ResetCode::Reset, 100)));
        assert_eq!(half.take(1_000), None, "its peer would take what is there for all of it");
    }

    #[test]
    fn an_end_that_is_not_cut_off_goes_before_the_reset() {
        let (mut half, mut pool) = half(100);
        half.state.finish();
        reset(&mut half, &mut pool);
        assert_eq!(half.take(1_000), piece(0..100, true, false));
        half.on_acked(0..100, true, &mut pool);
        half.state.on_reset_acked();
        assert_eq!(half.state, SendState::ResetRecvd { fin: Some(Announce::Acked) });
    }

    #[test]
    fn nothing_is_kept_for_a_peer_that_takes_nothing_more() {
        let (mut half, mut pool) = half(100);
        half.take(50);
        half.stop(&mut pool);
        assert_eq!((half.held(), pool.used(), half.take(1_000)), (0, 0, None));
    }

    #[test]
    fn what_is_cut_off_costs_no_memory() {
        let mut pool = Pool::keeping(0);
        let mut half = credited(100);
        half.write(&[1; 100_000], &mut pool);
        assert!(pool.used() >= 100_000);
        reset(&mut half, &mut pool);
        assert!(pool.used() < 1_000);
    }
}
