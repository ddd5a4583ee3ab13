//! How much of the memory streams may hold of which little has been read yet.
//!
//! A reader that gets stuck does so after what the systems on its way take in for it: some hundred kilobytes. A stream that is
//! read goes past that. So streams are of levels, by how much has been read of them, and each level has a quota: streams
//! that got stuck stay in theirs and fill it, and those that are read go on to one that is not full. Who was stuck before
//! costs a newcomer the time it takes to get past them, whether they came together or one after the other.
//!
//! Nobody knows how many will come. So what each may hold falls with the third power of what is left of the quota: the first
//! may hold a quarter of it, and the one after `n` that got stuck `(1 + n / 2)^1.5` times less. Beside its level a stream may
//! always hold as much as its first window took, out of a quota that falls the same way; and anything while memory is plenty,
//! which falls with the eighth power of what is free.

use crate::sealed::streams::level::{LEVELS, Level};
use crate::sealed::streams::stream::Stream;

/// The part of the memory, as its divisor, for first windows.
const BEGINNING: u64 = 4;

/// The part of the memory, as its divisor, that is only for the least window of each stream.
pub(crate) const KEPT_FOR_LEAST: u64 = 16;

/// The part of a quota, as its divisor, that one stream may hold if nobody else does.
const PART: u64 = 4;

/// What a stream counts for in its level at the most, in bytes: it got more because memory was plenty.
const COUNTED: u64 = 1 << 20;

/// Bytes that the streams of each level hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    held: [u64; LEVELS.len() + 1],
    /// Of all that, what streams may hold because of their first window.
    beginning: u64,
}

impl Levels {
    /// From now on `stream` is of `level` and holds `charge` bytes.
    pub(crate) fn change(&mut self, stream: &mut Stream, level: Level, charge: u64) {
        self.recount(stream, |stream| {
            (stream.level, stream.charge) = (level, charge);
            if level == Level::TOP {
                stream.beginning = 0;
            }
        });
    }

    /// What `stream` holds now is its first window; of that `least` is not counted, which each has.
    pub(crate) fn begin(&mut self, stream: &mut Stream, least: u64) {
        self.recount(stream, |stream| stream.beginning = stream.charge.saturating_sub(least));
    }

    /// In a round trip no more than an eighth of `needed` bytes were read of `stream`: that much of its first window it keeps.
    pub(crate) fn need(&mut self, stream: &mut Stream, needed: u64) {
        self.recount(stream, |stream| stream.beginning = stream.beginning.min(needed));
    }

    /// Lets `change` change what `stream` counts for.
    fn recount(&mut self, stream: &mut Stream, change: impl FnOnce(&mut Stream)) {
        self.held[stream.level.0] -= stream.charge.min(COUNTED);
        self.beginning -= stream.charge.min(stream.beginning);
        change(stream);
        self.count(stream);
    }

    /// Counts one more stream.
    pub(crate) fn count(&mut self, stream: &Stream) {
        self.held[stream.level.0] += stream.charge.min(COUNTED);
        self.beginning += stream.charge.min(stream.beginning);
    }

    /// Bytes left for first windows, where all share `whole`.
    pub(crate) const fn left_to_begin(&self, whole: u64) -> u64 {
        (whole / BEGINNING).saturating_sub(self.beginning)
    }

    /// What the first window of one stream may cost, where all share `whole` bytes.
    pub(crate) fn first(&self, whole: u64) -> u64 {
        part(self.left_to_begin(whole), whole / BEGINNING)
    }

    /// The most that `stream` may hold because of its level, where all share `whole` bytes of which `free` and what it holds are
    /// free.
    pub(crate) fn most(&self, stream: &Stream, free: u64, whole: u64) -> u64 {
        let level = self.of_level(stream.level, stream.charge, stream.recv.read(), whole);
        level.max(stream.beginning).max(plenty(free + stream.charge, whole))
    }

    /// What a stream may hold that is of `level`, holds `charge` bytes, and of which `read` bytes were read. A window that
    /// reaches into the next level is bound by its part there too: there the stream will get stuck with it.
    fn of_level(&self, level: Level, charge: u64, read: u64, whole: u64) -> u64 {
        let mut most = self.part(level, charge, whole);
        for (place, (end, _)) in (1..).zip(LEVELS).skip(level.0) {
            let inside = end.saturating_sub(read);
            if most <= inside {
                break;
            }
            most = most.min(self.part(Level(place), 0, whole).max(inside));
        }
        most
    }

    fn part(&self, level: Level, charge: u64, whole: u64) -> u64 {
        let Some((_, eighths)) = LEVELS.get(level.0) else { return u64::MAX };
        let quota = whole / 8 * eighths;
        let others = self.held[level.0].saturating_sub(charge.min(COUNTED));
        part(quota.saturating_sub(others), quota)
    }
}

/// `numerator / denominator` in units of 2^-32.
fn ratio(numerator: u64, denominator: u64) -> u128 {
    (u128::from(numerator.min(denominator)) << 32) / u128::from(denominator.max(1))
}

/// `bytes` times `ratio`.
fn times(bytes: u64, ratio: u128) -> u64 {
    u64::try_from((u128::from(bytes) * ratio) >> 32).unwrap_or(u64::MAX)
}

/// What one may hold of `left` bytes that are left of `quota`.
fn part(left: u64, quota: u64) -> u64 {
    let left_of = ratio(left, quota);
    times(times(left / PART, left_of), left_of)
}

/// What one may hold while `free` bytes of `whole` are free: half of it, times the eighth power of the part that is free, but for
/// [`KEPT_FOR_LEAST`]. One alone on a lossy path needs five times what a round trip carries before it has read any of the
/// levels' measures.
fn plenty(free: u64, whole: u64) -> u64 {
    let squared = |ratio: u128| (ratio * ratio) >> 32;
    let kept = whole / KEPT_FOR_LEAST;
    times(whole / 2, squared(squared(squared(ratio(free.saturating_sub(kept), whole - kept)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::streams::stream::OpenState;
    use crate::sealed::wire::frame::StreamId;

    const WHOLE: u64 = 32 << 20;

    /// `count` streams that hold what they may, get stuck after `read` bytes, and leave `levels`; what the last one holds.
    fn crowd(levels: &mut Levels, count: u32, read: u64) -> u64 {
        let level = Level::default().next(read, 0);
        let mut last = 0;
        for _ in 0..count {
            last = levels.of_level(level, 0, read, WHOLE);
            levels.change(&mut Stream::new(StreamId(0), OpenState::Asked), level, last);
        }
        last
    }

    #[test]
    fn who_is_read_goes_up_and_who_was_never_read_stays() {
        let level = |read| Level::default().next(read, 1_000);
        assert_eq!([0, 999, 1_000, 300_000, 3_000_000].map(level), [0, 0, 1, 2, 3].map(Level));
        assert_eq!(level(16 << 20), Level::TOP);
        assert_eq!(Level(1).next(100, 1_000), Level(1), "nobody goes back");
    }

    #[test]
    fn a_crowd_that_got_stuck_leaves_the_levels_above_alone() {
        let mut levels = Levels::default();
        let alone = levels.of_level(Level(2), 0, 300_000, WHOLE);
        for count in [1, 10, 100, 1_000] {
            crowd(&mut levels, count, 200_000);
            assert!(levels.part(Level(1), 0, WHOLE) > 0, "{levels:?}");
        }
        assert_eq!(levels.of_level(Level(2), 0, 300_000, WHOLE), alone);
        assert!(alone >= 2 << 20, "{alone} bytes");
    }

    #[test]
    fn of_many_that_come_one_by_one_each_gets_something() {
        for (count, least) in [(1, 2 << 20), (2, 800_000), (10, 100_000), (75, 6_000), (400, 500)] {
            let last = crowd(&mut Levels::default(), count, 200_000);
            assert!(last >= least, "number {count} has {last} bytes");
        }
    }

    #[test]
    fn a_window_that_reaches_into_a_full_level_is_as_small_as_there() {
        let mut levels = Levels::default();
        let last = crowd(&mut levels, 100, 500_000);
        let below = levels.of_level(Level(1), 0, 200_000, WHOLE);
        assert!(below <= last.max(256 * 1024 - 200_000), "{below} bytes, and {last} up there");
    }

    #[test]
    fn a_first_window_is_kept_until_much_was_read_and_counts_while_it_is_held() {
        let (mut levels, mut stream) = (Levels::default(), Stream::new(StreamId(0), OpenState::Asked));
        let alone = levels.first(WHOLE);
        levels.change(&mut stream, Level::default(), alone);
        levels.begin(&mut stream, 0);
        let next = levels.first(WHOLE);
        assert!(next < alone / 2, "{next} bytes after {alone}");
        crowd(&mut levels, 1_000, 500_000);
        assert_eq!(levels.most(&stream, 0, WHOLE), alone, "whatever the levels say");
        levels.change(&mut stream, Level(1), 1_000);
        assert!(levels.first(WHOLE) > alone / 10 * 9, "it has shrunk");
        levels.change(&mut stream, Level::TOP, alone);
        assert_eq!((levels.first(WHOLE), stream.beginning), (alone, 0));
    }

    #[test]
    fn plenty_is_most_of_it_for_one_and_little_for_many() {
        let mut free = WHOLE;
        for range in [16 << 20..=16 << 20, 30_000..=40_000, 30_000..=40_000] {
            let one = plenty(free, WHOLE);
            assert!(range.contains(&one), "{one} bytes of {free}");
            free -= one;
        }
        assert_eq!((plenty(0, WHOLE), plenty(WHOLE, WHOLE), plenty(1, 0)), (0, WHOLE / 2, 0));
    }
}
