//! What this end has promised to take: flow control credit of its streams and of the link, all of it reserved.
//!
//! Every byte that the peer may send has its memory set aside before it is advertised, in one [`Share`]. So no byte within
//! credit is ever refused for want of memory, and a stream that nobody reads costs what it was promised and nothing of what the others
//! were. How much a stream is promised goes by what is free (see [`crate::sealed::streams::budget`]) and by whether it is read:
//!
//! - Streams of which little was read share quotas, by how much that is: a crowd that gets stuck stays in its own, whether it
//!   comes at once or one after the other (see [`crate::sealed::streams::levels`]).
//! - Nobody holds more than is left free for the others, so however many there are, there is something for the next.
//! - A window grows while it holds the peer back, and is renewed to less where it is far more than what is read: see
//!   [`crate::sealed::streams::window`].
//! - The last quarter of the memory is for those whose window is a few times what they read in a round trip, the last sixth
//!   for those that begin, the last sixteenth for the least window of each.
//!
//! `docs/flow-control.md` has the argument that this cannot deadlock and what it guarantees.

use crate::sealed::streams::budget::{Budget, Share};
use crate::sealed::streams::levels::{KEPT_FOR_LEAST, Levels};
use crate::sealed::streams::recv::{StreamViolation, charge_of, window_for};
use crate::sealed::streams::stream::Stream;
use crate::sealed::streams::window::{LEAST, Pressure};
use crate::time::Time;
use std::time::Duration;

/// The most first credit that one stream takes, in bytes: what a controller that knows nothing sends in its first round
/// trip, over up to 200 ms.
pub(crate) const FIRST_CREDIT: u64 = 128 * 1024;

/// The most link credit that is left untaken, in bytes: eight streams a round trip begin at full speed.
const LINK_CREDIT: u64 = 1 << 20;

/// The part of what is left for unproven streams, as its divisor, that is untaken link credit.
const LINK_CREDIT_PART: u64 = 8;

/// The largest window of a stream of which nobody has read anything, in bytes: one mebibyte and a half goes through without
/// a wait for credit, which is what a path of 20 Mbit/s over a satellite has on its way.
const FIRST_WINDOW: u64 = 3 * 512 * 1024;

/// The part of the memory, as its divisor, that only windows grow into which are a few times what is read in a round trip:
/// however many those are at a time, they are together a few times what the path carries in one.
const KEPT: u64 = 4;

/// The part of the memory, as its divisor, that windows grow into by a [`LAST_PART`] only: first windows come out of it. What
/// was earned by streams that are stuck now leaves nearly all of it, so the next one can begin, and keeps what it began with.
const KEPT_FOR_FIRST: u64 = 6;

/// What one stream may hold of all that is left but for [`KEPT_FOR_LEAST`], as its divisor, as far as its level allows.
const LAST_PART: u64 = 8;

/// What a stream costs that is only in the table, in bytes: its state and its places in lists.
const ENTRY: u64 = 768;

/// The promises of one end of a link.
#[derive(Debug)]
pub(crate) struct Promises {
    share: Share,
    /// Link credit in the handshake, in bytes.
    first: u64,
    /// Of what is held, for streams.
    levels: Levels,
    /// First credit that the peer's streams took, and up to where they may, in bytes since the link began.
    taken: u64,
    advertised: u64,
    /// For bytes of streams that are not open yet, and for datagrams.
    kept: u64,
}

impl Promises {
    /// The promise of the handshake, `first` bytes of link credit, and no stream.
    pub(crate) fn new(share: Share, first: u64) -> Self {
        let mut promises =
            Self { share, first, levels: Levels::default(), taken: 0, advertised: first, kept: 0 };
        promises.hold(first);
        promises
    }

    /// From now on the memory is part of `budget`.
    pub(crate) fn join(&mut self, budget: &Budget) {
        self.share.join(budget);
    }

    /// The link begins anew, with the streams that this side has opened and the peer has not heard of.
    pub(crate) fn restart(&mut self) {
        self.share.set(self.share.used() + self.first - (self.advertised - self.taken));
        (self.taken, self.advertised) = (0, self.first);
    }

    /// The memory that they are made of.
    pub(crate) const fn share(&self) -> &Share {
        &self.share
    }

    /// Bytes set aside beyond link credit that nobody has taken.
    pub(crate) fn held(&self) -> u64 {
        self.share.used() - (self.advertised - self.taken)
    }

    /// Bytes set aside for streams.
    pub(crate) fn streams(&self) -> u64 {
        self.held() - self.kept
    }

    /// Bytes set aside for streams, and kept beside them, and those of streams by level, to compare with.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn accounts(&self) -> (u64, Levels) {
        (self.held(), self.levels)
    }

    fn hold(&mut self, more: u64) {
        self.share.set(self.share.used() + more);
    }

    /// Bytes that are free, and all that this end can hold now: its limit, or less while others hold what they share.
    fn memory(&self) -> (u64, u64) {
        let free = self.share.free();
        (free, self.share.used() + free)
    }

    /// A stream of the peer took `first` of the link credit.
    pub(crate) fn on_taken(&mut self, first: u64) -> Result<(), StreamViolation> {
        if first > self.advertised - self.taken {
            return Err(StreamViolation::LinkCredit);
        }
        self.taken += first;
        self.share.set(self.share.used() - first);
        Ok(())
    }

    /// Up to where the peer's streams may take first credit, if more should be advertised. What they take is a part of what
    /// streams may hold that nobody has shown to be read.
    pub(crate) fn renew_link_credit(&mut self) -> Option<u64> {
        let left = self.advertised - self.taken;
        let available = self.left_to_begin().saturating_sub(left);
        let wanted = (available / LINK_CREDIT_PART).min(LINK_CREDIT).max(self.first);
        let more = wanted.saturating_sub(left).min(available / 2);
        if left > wanted / 2 || more == 0 {
            return None;
        }
        self.advertised += more;
        self.hold(more);
        Some(self.advertised)
    }

    /// Bytes that more streams may be promised of which nothing was read.
    fn left_to_begin(&self) -> u64 {
        let (free, whole) = self.memory();
        self.levels.left_to_begin(whole).min(free.saturating_sub(whole / KEPT_FOR_LEAST))
    }

    /// Up to where the peer's streams may take first credit.
    pub(crate) const fn advertised(&self) -> u64 {
        self.advertised
    }

    /// The window of a stream of which nothing has been read.
    fn first_window(&self) -> u64 {
        let (_, whole) = self.memory();
        let most = self.levels.first(whole).min(self.left_to_begin());
        most.clamp(LEAST, FIRST_WINDOW)
    }

    /// Bytes of streams that are not open yet, and datagrams, cost `kept` bytes in all.
    pub(crate) fn set_kept(&mut self, kept: u64) {
        self.share.set(self.share.used() + kept - self.kept);
        self.kept = kept;
    }

    /// Whether there is memory for one more stream, which comes with `first` bytes that are set aside already.
    pub(crate) fn has_place(&self, first: u64) -> bool {
        self.share.free() + first.min(self.advertised - self.taken) >= charge_of(LEAST.max(first), 0)
    }

    /// Lets the peer send up to `window` bytes beyond what has been read of `stream`, or as much of that as `most` bytes of
    /// memory are enough for. True if it may send more than before.
    fn grant(&mut self, now: Time, stream: &mut Stream, window: u64, most: u64) -> bool {
        let largest = stream.recv.largest_piece();
        let free = self.share.free() + stream.charge;
        let least = window_for(free, largest).min(LEAST);
        let window = window.min(window_for(most.min(free), largest)).max(least);
        let more = stream.recv.grant(window);
        self.recount(stream);
        stream.window.set(now, window);
        more
    }

    /// Gives a stream its first window. True if the peer may send more than before.
    pub(crate) fn first_grant(&mut self, now: Time, stream: &mut Stream) -> bool {
        let more = self.grant(now, stream, self.first_window(), u64::MAX);
        self.levels.begin(stream, charge_of(LEAST, 0));
        more
    }

    /// What may arrive on `stream` has changed.
    pub(crate) fn recount(&mut self, stream: &mut Stream) {
        // The least window can always be renewed, or a stream of which all was read would wait for others.
        let least = if stream.recv.is_ended() { 0 } else { charge_of(LEAST, 0) };
        let charge = stream.recv.charge().max(least);
        self.set_charge(stream, charge);
    }

    /// Nothing of `stream` is taken any more; but it is in the table until the peer knows.
    pub(crate) fn reduce(&mut self, stream: &mut Stream) {
        self.set_charge(stream, ENTRY);
    }

    /// Nothing arrives on `stream` any more.
    pub(crate) fn release(&mut self, stream: &mut Stream) {
        self.set_charge(stream, 0);
    }

    /// From now on `charge` bytes are set aside for `stream`.
    fn set_charge(&mut self, stream: &mut Stream, charge: u64) {
        self.share.set(self.share.used() + charge - stream.charge);
        self.levels.change(stream, stream.level, charge);
    }

    /// The application has read of `stream`. Its window is renewed once a quarter of it is used up, or an eighth of a large one, so that a credit that is
    /// lost finds the peer with enough of the last, and when the peer was held back. And about once a round trip: what
    /// asks for an acknowledgement keeps this end's round trip known, and tells a peer that only sends when the address of
    /// this end changes. True if the peer must be notified.
    pub(crate) fn on_read(&mut self, now: Time, stream: &mut Stream, round_trip: Duration) -> bool {
        let held_back = stream.recv.is_held_back();
        let (left, size) = (stream.recv.outstanding(), stream.window.size());
        let used_up = left <= size - size / stream.window.renewed_by();
        let renews = used_up || left <= size / 16 * 15 && stream.window.is_old(now, round_trip);
        if !renews && !held_back {
            return false;
        }
        let level = stream.level.next(stream.recv.read(), stream.recv.outstanding());
        self.levels.change(stream, level, stream.charge);
        let wanted = stream.window.next(now, stream.recv.read(), round_trip, held_back, self.pressure());
        if let Some(needed) = stream.window.needed() {
            self.levels.need(stream, charge_of(needed, 0));
        }
        let most = self.most(stream);
        self.grant(now, stream, wanted, most)
    }

    /// More arrived behind a gap. A packet lost four times holds up what four round trips bring, and the window must hold
    /// that, or the gap stops the sender: it doubles once a quarter of it waits. True if the peer must be notified.
    pub(crate) fn widen(&mut self, now: Time, stream: &mut Stream) -> bool {
        let size = stream.window.size();
        if stream.recv.waiting() <= size / 4 {
            return false;
        }
        let most = self.most(stream);
        charge_of(size * 2, stream.recv.largest_piece()) <= most && self.grant(now, stream, size * 2, most)
    }

    /// What one stream may hold: no more than it leaves free to others beyond what is kept, or twice as much as long as
    /// memory is not short (dynamic thresholds), or a small part of all that is left; and what its level allows. What it has and
    /// uses it keeps as far as its level allows; else it falls by half at a time.
    fn most(&self, stream: &Stream) -> u64 {
        let (free, whole) = self.memory();
        let own = free + stream.charge;
        let paced = stream.window.is_paced();
        let available = own.saturating_sub(whole / if paced { KEPT_FOR_FIRST } else { KEPT });
        let short = Pressure::of(free, whole) == Pressure::High;
        let most = if short { available / 2 } else { available / 3 * 2 };
        let most = most.max(if paced { stream.charge } else { 0 });
        let last = own.saturating_sub(whole / KEPT_FOR_LEAST);
        let most = most.max(last / LAST_PART).min(self.levels.most(stream, free, whole));
        most.max(stream.charge / 2).max(stream.charge.min(stream.beginning))
    }

    fn pressure(&self) -> Pressure {
        let (free, whole) = self.memory();
        Pressure::of(free, whole)
    }
}
