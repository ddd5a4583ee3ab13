//! The memory that the streams of a link hold and may come to hold, kept in step with what happens to them.

use super::Streams;
#[cfg(any(test, feature = "fuzzing"))]
use crate::sealed::streams::levels::Levels;
use crate::sealed::streams::pool::Pool;
use crate::time::Time;
use std::time::Duration;

/// Bytes kept for reuse of what is written and acknowledged: more than a busy link cycles through at once would only hold
/// memory.
const KEPT_TO_WRITE: usize = 1 << 20;

/// The same of what has arrived and been read: what comes in a turn of a fast link, which is all out before any is read.
const KEPT_TO_READ: usize = 8 << 20;

/// Memory for pieces of either direction, counted apart: what readers leave lying must not keep writers from writing.
#[derive(Debug)]
pub(crate) struct Pools {
    /// For what is written and not acknowledged.
    pub(crate) send: Pool,
    /// For what has arrived and not been read.
    pub(crate) recv: Pool,
}

impl Default for Pools {
    fn default() -> Self {
        Self { send: Pool::keeping(KEPT_TO_WRITE), recv: Pool::keeping(KEPT_TO_READ) }
    }
}

impl Streams {
    /// What is held and promised, counted anew, is what the accounts say, and no more than was reserved for it.
    ///
    /// # Panics
    /// If it is not.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn check_accounts(&self, kept: u64) {
        let charged: u64 = self.iter().map(|stream| stream.charge).sum();
        let mut levels = Levels::default();
        self.iter().for_each(|stream| levels.count(stream));
        assert_eq!((charged + kept, levels), self.promises.accounts(), "bytes promised, by level");
        let (send, recv) = (&self.pools.send, &self.pools.recv);
        assert!((recv.used() + recv.spare()) as u64 <= charged, "{recv:?} in {charged}");
        let written = (send.used() + send.spare()) as u64;
        assert_eq!(written + self.datagrams, self.send_share.used(), "bytes written");
        for stream in self.iter() {
            stream.check_halves();
            let most = stream.recv.charge();
            assert!(
                stream.charge >= most || stream.recv.state.is_stopped(),
                "{} of {most}: {stream:?}",
                stream.charge
            );
        }
    }

    /// Counts what is held of what is written, and what is kept for what will be.
    pub(crate) fn count_written(&mut self) {
        let allowed = self.send_share.used() + self.send_share.free();
        let allowed = allowed.saturating_sub(self.datagrams);
        self.pools.send.keep_within(usize::try_from(allowed).unwrap_or(usize::MAX));
        self.send_share.set((self.pools.send.used() + self.pools.send.spare()) as u64 + self.datagrams);
    }

    /// Memory is kept for what will arrive only as far as it is set aside for that.
    pub(super) fn count_promised(&mut self) {
        let promised = usize::try_from(self.promises.streams()).unwrap_or(usize::MAX);
        self.pools.recv.keep_within(promised);
    }

    /// Gives back what is kept for reuse.
    pub(crate) fn trim(&mut self) {
        self.pools.recv.trim();
        self.trim_written();
    }

    /// The same of what is kept for what will be written.
    pub(crate) fn trim_written(&mut self) {
        self.pools.send.trim();
        self.count_written();
    }

    /// Gives a stream that the peer has just opened its first window. True if that is more than it had.
    pub(crate) fn first_grant(&mut self, key: usize, now: Time) -> bool {
        let more = self.slab.get_mut(key).is_some_and(|stream| self.promises.first_grant(now, stream));
        self.count_promised();
        more
    }

    /// The application has read `length` bytes of a stream. True if the peer must be notified that it may send more.
    pub(crate) fn consume(&mut self, key: usize, length: u64, now: Time, round_trip: Duration) -> bool {
        let Some(stream) = self.slab.get_mut(key) else { return false };
        stream.recv.consume(length, &mut self.pools.recv);
        let more = self.promises.on_read(now, stream, round_trip);
        self.count_promised();
        more
    }

    /// More arrived on a stream behind a gap. True if the peer must be notified that it may send more.
    pub(crate) fn widen(&mut self, key: usize, now: Time) -> bool {
        let more = self.slab.get_mut(key).is_some_and(|stream| self.promises.widen(now, stream));
        self.count_promised();
        more
    }

    /// The end of what arrives on a stream is known: what was promised beyond it is free.
    pub(crate) fn on_end_known(&mut self, key: usize) {
        if let Some(stream) = self.slab.get_mut(key) {
            self.promises.recount(stream);
            self.count_promised();
        }
    }

    /// Nothing of a stream is kept any more, whatever arrives.
    pub(crate) fn stop_receiving(&mut self, key: usize) {
        let Some(stream) = self.slab.get_mut(key) else { return };
        stream.recv.stop(&mut self.pools.recv);
        self.promises.reduce(stream);
        self.count_promised();
    }
}
