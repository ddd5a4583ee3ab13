//! The receiving half of a stream: puts bytes in order, hands them on, grants credit for more.

use crate::sealed::streams::pool::Pool;
use crate::sealed::streams::recv_buffer::{RecvBuffer, SIZES, piece_size};
use crate::sealed::streams::recv_state::RecvState;
use crate::sealed::wire::frame::ResetCode;
use crate::sealed::wire::ranges::RangeSet;
use std::ops::Range;

/// What the peer did that it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamViolation {
    /// More bytes than it had credit for.
    #[error("sent beyond the credit of a stream")]
    Credit,
    /// A new stream took more first credit than the link had.
    #[error("opened a stream beyond the credit of the link")]
    LinkCredit,
    /// Bytes behind the end, or two different ends.
    #[error("moved the end of a stream")]
    End,
}

/// Bytes from `read` (handed on) over `ready` (in order) to the last that came, with gaps between.
#[derive(Debug, Default)]
pub(crate) struct RecvHalf {
    buffer: RecvBuffer,
    read: u64,
    ready: u64,
    /// Arrived beyond `ready`.
    ahead: RangeSet,
    /// Where it is in its life.
    pub(crate) state: RecvState,
    granted: u64,
    /// Earlier values of that, the newest first, which the peer may have known while it sent what arrives now: a window is
    /// renewed up to five times while it is used up in one burst.
    granted_before: [u64; 6],
    /// The peer has sent up to one of them and no further yet.
    held_back: bool,
}

/// Runs of bytes with gaps between them that a stream may hold: one for so many bytes of its window, but at least
/// [`LEAST_RUNS`] and at most [`MOST_RUNS`]. A window of 24 MiB that lost every third packet has fewer; keystrokes of which
/// every other one was lost are no more.
const RUN: u64 = 128;
const LEAST_RUNS: u64 = 16;
const MOST_RUNS: u64 = 8_192;

/// What a receive window of `outstanding` bytes can come to cost, in bytes: with its runs, and with what its first and last
/// piece of memory hold beyond it. `largest`: the largest piece that is held.
pub(crate) fn charge_of(outstanding: u64, largest: usize) -> u64 {
    if outstanding == 0 && largest == 0 {
        return 0;
    }
    outstanding + outstanding / 8 + 2 * piece_size(outstanding).max(largest) as u64
}

/// The largest receive window that costs at most `charge` bytes: the inverse of [`charge_of`].
pub(crate) fn window_for(charge: u64, largest: usize) -> u64 {
    let of_size = |(size, most): &(usize, u64)| {
        let bytes = charge.saturating_sub(2 * (*size).max(largest) as u64);
        (bytes - bytes / 9).saturating_sub(1).min(*most)
    };
    SIZES.iter().map(of_size).max().unwrap_or(0)
}

impl RecvHalf {
    /// Takes bytes that arrived, in whatever order and however often. True if there is more to read than before.
    pub(crate) fn on_data(
        &mut self,
        offset: u64,
        bytes: &[u8],
        fin: bool,
        pool: &mut Pool,
    ) -> Result<bool, StreamViolation> {
        let range = offset..offset + bytes.len() as u64;
        if range.end > self.granted {
            return Err(StreamViolation::Credit);
        }
        let (ready, was_finished) = (self.ready, self.is_finished());
        if fin {
            self.set_end(range.end)?;
        }
        if self.end().is_some_and(|end| range.end > end) {
            return Err(StreamViolation::End);
        }
        self.held_back |=
            !bytes.is_empty() && (range.end == self.granted || self.granted_before.contains(&range.end));
        self.store(range, bytes, pool);
        self.state.on_bytes(self.ready, self.read);
        Ok(self.ready != ready || self.is_finished() != was_finished)
    }

    fn store(&mut self, range: Range<u64>, bytes: &[u8], pool: &mut Pool) {
        let fresh = range.start.max(self.ready)..range.end;
        if fresh.start >= fresh.end {
            return;
        }
        let skip = usize::try_from(fresh.start - range.start).unwrap_or(bytes.len());
        let window = self.outstanding();
        self.buffer.write(fresh.start, &bytes[skip..], window, pool);
        if fresh.start > self.ready {
            self.ahead.insert(fresh);
            return;
        }
        self.ready = fresh.end;
        while let Some(first) = self.ahead.first().filter(|first| first.start <= self.ready) {
            self.ready = self.ready.max(first.end);
            self.ahead.pop_first();
        }
        if self.ahead.is_empty() {
            self.ahead.shrink();
        }
    }

    /// The peer says that its bytes end at `end`.
    fn set_end(&mut self, end: u64) -> Result<(), StreamViolation> {
        let highest = self.ahead.last().map_or(self.ready, |range| range.end);
        if end > self.granted {
            return Err(StreamViolation::Credit);
        }
        if end < highest || self.end().is_some_and(|known| known != end) {
            return Err(StreamViolation::End);
        }
        self.state.on_end(end);
        Ok(())
    }

    /// The peer has reset the stream behind the byte `end`.
    pub(crate) fn on_reset(&mut self, code: ResetCode, end: u64) -> Result<(), StreamViolation> {
        self.set_end(end)?;
        self.state.on_reset(code, end);
        Ok(())
    }

    /// The code of the peer's reset, once, if the application can be notified of it: all bytes before it are here.
    pub(crate) const fn take_reset(&mut self) -> Option<ResetCode> {
        self.state.take_reset(self.ready)
    }

    /// The peer is gone, and what is missing will not come: as if it had reset the stream. The code that the application has to
    /// be notified of, unless it was.
    pub(crate) fn cut_short(&mut self) -> Option<ResetCode> {
        self.state.cut_short(self.end().unwrap_or(self.granted))
    }

    /// Where the bytes end, if that is known.
    const fn end(&self) -> Option<u64> {
        self.state.end(self.ready)
    }

    /// The offset up to which has been read.
    pub(crate) const fn read(&self) -> u64 {
        self.read
    }

    /// Bytes that can be read now.
    pub(crate) const fn readable(&self) -> u64 {
        self.ready - self.read
    }

    /// Whether it is known where the bytes end.
    pub(crate) const fn is_ended(&self) -> bool {
        self.end().is_some()
    }

    /// Whether all bytes up to the end have arrived.
    pub(crate) const fn is_finished(&self) -> bool {
        self.state.is_finished(self.ready)
    }

    /// The readable bytes, in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.buffer.slices(self.read..self.ready)
    }

    /// `length` bytes have been read; at most [`RecvHalf::readable`].
    pub(crate) fn consume(&mut self, length: u64, pool: &mut Pool) {
        self.read = (self.read + length).min(self.ready);
        self.buffer.release(self.read, pool);
        if self.read == self.ready && self.ahead.is_empty() {
            self.buffer.clear(pool);
        }
        self.state.on_bytes(self.ready, self.read);
    }

    /// Whether one more run with a gap before it would be one too many.
    pub(crate) fn is_in_pieces(&self) -> bool {
        let most = (self.outstanding() / RUN).clamp(LEAST_RUNS, MOST_RUNS);
        self.ahead.len() as u64 >= most
    }

    /// Whether a piece from `offset` on closes the first gap.
    pub(crate) const fn is_next(&self, offset: u64) -> bool {
        offset <= self.ready
    }

    /// How far what arrived reaches beyond what is in order.
    pub(crate) fn waiting(&self) -> u64 {
        self.ahead.last().map_or(0, |last| last.end - self.ready)
    }

    /// The offset up to which the peer may send.
    pub(crate) const fn granted(&self) -> u64 {
        self.granted
    }

    /// Bytes that may still come or have come and have not been read: what this stream may come to hold.
    pub(crate) fn outstanding(&self) -> u64 {
        self.end().unwrap_or(self.granted).saturating_sub(self.read)
    }

    /// What it may come to cost, in bytes.
    pub(crate) fn charge(&self) -> u64 {
        charge_of(self.outstanding(), self.buffer.largest())
    }

    /// The largest piece of memory that is held, in bytes.
    pub(crate) const fn largest_piece(&self) -> usize {
        self.buffer.largest()
    }

    /// Whether the peer stopped where it had to since more was last advertised, and all that it sent has been read: it, and
    /// not the reader, is waiting. Seen by a packet that is filled up to the credit.
    pub(crate) fn is_held_back(&self) -> bool {
        self.held_back && self.read == self.ready && self.ahead.is_empty()
    }

    /// Lets the peer send up to `window` bytes beyond what has been read; never takes back. True if it may send more.
    pub(crate) fn grant(&mut self, window: u64) -> bool {
        let granted = self.read + window;
        let more = granted > self.granted && self.end().is_none();
        if more {
            self.granted_before.rotate_right(1);
            self.granted_before[0] = self.granted;
            self.granted = granted;
        }
        self.held_back = false;
        more
    }

    /// This side has reset the stream: forgets all bytes and takes no more.
    pub(crate) fn stop(&mut self, pool: &mut Pool) {
        self.clear(pool);
        self.state = RecvState::Stopped;
    }

    /// Forgets all bytes.
    pub(crate) fn clear(&mut self, pool: &mut Pool) {
        self.buffer.clear(pool);
        self.read = self.granted;
        self.ready = self.granted;
        self.ahead = RangeSet::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(window: u64) -> RecvHalf {
        let mut half = RecvHalf::default();
        half.grant(window);
        half
    }

    fn read(half: &mut RecvHalf, pool: &mut Pool) -> Vec<u8> {
        let bytes = half.slices().flatten().copied().collect::<Vec<_>>();
        half.consume(bytes.len() as u64, pool);
        bytes
    }

    #[test]
    fn a_window_costs_what_it_was_made_for() {
        for charge in (0..200_000).step_by(37).chain([1 << 20, 1 << 24]) {
            for largest in [0, 512, 16 * 1024] {
                let window = window_for(charge, largest);
                let cost = charge_of(window, largest);
                assert!(window == 0 || cost <= charge, "{window} bytes cost {cost} of {charge}");
                let more = charge_of(window + window / 8 + 600, largest);
                assert!(more > charge, "{window} bytes are too few for {charge}, more cost {more}");
            }
        }
    }

    #[test]
    fn disorder_and_repetition_do_not_show() {
        let (mut half, mut pool) = (granted(100), Pool::keeping(0));
        assert_eq!(half.on_data(4, b"efgh", true, &mut pool), Ok(false));
        assert_eq!(half.on_data(2, b"cdef", false, &mut pool), Ok(false));
        assert_eq!(half.on_data(0, b"abc", false, &mut pool), Ok(true));
        assert_eq!(half.on_data(0, b"abc", false, &mut pool), Ok(false));
        assert!(half.is_finished() && half.state != RecvState::DataRead);
        assert_eq!(read(&mut half, &mut pool), b"abcdefgh");
        assert_eq!(half.state, RecvState::DataRead);
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn an_end_behind_the_last_byte_is_news_once() {
        let (mut half, mut pool) = (granted(100), Pool::keeping(0));
        half.on_data(0, b"abc", false, &mut pool).unwrap();
        assert_eq!(half.on_data(3, b"", true, &mut pool), Ok(true));
        assert_eq!(half.on_data(3, b"", true, &mut pool), Ok(false));
    }

    #[test]
    fn credit_is_a_bound() {
        let (mut half, mut pool) = (granted(4), Pool::keeping(0));
        assert_eq!(half.on_data(0, b"abcde", false, &mut pool), Err(StreamViolation::Credit));
        half.on_data(0, b"abcd", false, &mut pool).unwrap();
        assert!(!half.grant(4), "nothing was read");
        read(&mut half, &mut pool);
        assert!(half.grant(4));
        assert_eq!(half.granted(), 8);
    }

    #[test]
    fn an_end_that_comes_alone_is_news() {
        let (mut half, mut pool) = (granted(100), Pool::keeping(0));
        half.on_data(0, b"abcd", false, &mut pool).unwrap();
        assert_eq!(half.on_data(4, b"", true, &mut pool), Ok(true));
        assert_eq!(half.on_data(4, b"", true, &mut pool), Ok(false));
    }

    #[test]
    fn the_end_does_not_move() {
        let (mut half, mut pool) = (granted(100), Pool::keeping(0));
        half.on_data(0, b"abcd", true, &mut pool).unwrap();
        assert_eq!(half.on_data(4, b"e", false, &mut pool), Err(StreamViolation::End));
        assert_eq!(half.on_data(0, b"abc", true, &mut pool), Err(StreamViolation::End));
    }
    #[test]
    fn what_was_sent_before_a_reset_arrives_before_the_application_hears_of_it() {
        let (mut half, mut pool) = (granted(100), Pool::keeping(0));
        half.on_data(0, b"ab", false, &mut pool).unwrap();
        half.on_reset(ResetCode::Reset, 4).unwrap();
        assert_eq!(half.take_reset(), None);
        assert_eq!(half.on_data(4, b"e", false, &mut pool), Err(StreamViolation::End));
        half.on_data(2, b"cd", false, &mut pool).unwrap();
        assert_eq!((half.take_reset(), half.take_reset()), (Some(ResetCode::Reset), None));
        assert_eq!(read(&mut half, &mut pool), b"abcd");
        assert!(half.is_finished() && half.state.is_reset());
    }

    #[test]
    fn a_reset_does_not_move_the_end() {
        let (mut half, mut pool) = (granted(100), Pool::keeping(0));
        half.on_data(0, b"abcd", true, &mut pool).unwrap();
        assert_eq!(half.on_reset(ResetCode::Reset, 5), Err(StreamViolation::End));
        assert_eq!(half.state, RecvState::DataRecvd);
    }

    #[test]
    fn what_is_missing_when_the_peer_is_gone_can_still_be_waited_for_by_nobody() {
        let (mut half, mut pool) = (granted(100), Pool::keeping(0));
        half.on_data(0, b"ab", false, &mut pool).unwrap();
        assert_eq!((half.cut_short(), half.cut_short()), (Some(ResetCode::Reset), None));
        assert_eq!(read(&mut half, &mut pool), b"ab");
        assert!(half.state != RecvState::DataRead);
    }
}
