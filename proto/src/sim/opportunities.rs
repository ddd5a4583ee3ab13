//! A bottleneck whose rate somebody recorded, or made up: radio cells, where a datagram leaves when the cell lets it.

use super::dice::Dice;
use crate::time::Time;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Bytes on the wire that leave at one opportunity, whole or in parts of several datagrams.
pub const OPPORTUNITY: u64 = 1_500;

/// A made cell changes its rate this often, in milliseconds: mobile networks schedule every few, and fading takes some tens.
const STEP: u32 = 20;

/// Of a made cell, in milliseconds: then it repeats.
const LAP: u32 = 60_000;

/// How far the logarithm of a made cell's rate goes in one step, at the most, either way; and the part of its way back to the mean.
/// In a second it changes by a factor of two or so.
const WANDER: f64 = 0.35;
const RETURN: f64 = 0.01;

/// An outage of a made cell begins once in so many seconds, on average, and lasts up to so many milliseconds.
const OUTAGE_EVERY: f64 = 6.0;
const OUTAGE: usize = 900;

/// Why a text is no recording.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordingError {
    /// A line is no number of milliseconds.
    #[error("line {0} is no number of milliseconds")]
    NoNumber(usize),
    /// A moment lies before the one above it.
    #[error("line {0} is earlier than the line before it")]
    Earlier(usize),
    /// It has no length, so it cannot be repeated.
    #[error("there is no moment later than 0")]
    Empty,
}

/// The moments at which a bottleneck lets [`OPPORTUNITY`] bytes go, repeated for ever from the epoch of [`Time`] on. A moment at which
/// nothing waits is lost.
#[derive(Clone, Debug)]
pub struct Opportunities(Arc<[u32]>);

impl Opportunities {
    /// Reads the format of Mahimahi's recordings: a whole number of milliseconds a line, none lower than the one before; the last
    /// is the length of the recording as well.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut moments = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let moment: u32 = line.trim().parse().map_err(|_| RecordingError::NoNumber(number))?;
            if moments.last().is_some_and(|last| moment < *last) {
                return Err(RecordingError::Earlier(number));
            }
            moments.push(moment);
        }
        Self::of(moments)
    }

    /// A cell made up for the seed: `mean` bytes a second, around which the rate wanders between about a fifth and five times of it, and
    /// outages of up to a second every few seconds. It shows what a recorded one does, and a test needs no file for it.
    pub fn made(seed: u64, mean: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (mut height, mut owed, mut dark_until, mut moments) = (0.0f64, 0.0, 0, Vec::new());
        for step in (0..LAP).step_by(STEP as usize) {
            height += (dice.uniform() * 2.0 - 1.0) * WANDER - height * RETURN;
            height = height.clamp(-1.6, 1.6);
            if dice.chance(f64::from(STEP) / 1e3 / OUTAGE_EVERY) {
                dark_until = step + u32::try_from(dice.below(OUTAGE)).unwrap_or(0);
            }
            if step < dark_until {
                continue;
            }
            owed += mean as f64 * height.exp() * f64::from(STEP) / 1e3 / OPPORTUNITY as f64;
            let mut here: Vec<u32> = std::iter::from_fn(|| {
                owed -= 1.0;
                (owed >= 0.0).then(|| step + u32::try_from(dice.below(STEP as usize)).unwrap_or(0))
            })
            .collect();
            owed += 1.0;
            here.sort_unstable();
            moments.append(&mut here);
        }
        moments.push(LAP);
        Self(moments.into())
    }

    fn of(moments: Vec<u32>) -> Result<Self, RecordingError> {
        if moments.last().is_some_and(|last| *last > 0) {
            Ok(Self(moments.into()))
        } else {
            Err(RecordingError::Empty)
        }
    }

    /// The bytes that could have left from one moment to before the other.
    pub fn possible(&self, from: Time, to: Time) -> u64 {
        self.before(to).saturating_sub(self.before(from)) * OPPORTUNITY
    }

    /// How many moments lie before `at`.
    fn before(&self, at: Time) -> u64 {
        let (lap, rest) = self.lap(at);
        let in_lap = self.0.partition_point(|moment| Duration::from_millis(u64::from(*moment)) < rest);
        lap * self.0.len() as u64 + in_lap as u64
    }

    /// The `number`th moment, from 0.
    fn moment(&self, number: u64) -> Time {
        let count = self.0.len() as u64;
        let place = usize::try_from(number % count).unwrap_or(0);
        let millis = u64::from(self.0.get(place).copied().unwrap_or(0));
        Time::ZERO
            + self.length() * u32::try_from(number / count).unwrap_or(u32::MAX)
            + Duration::from_millis(millis)
    }

    fn length(&self) -> Duration {
        Duration::from_millis(u64::from(self.0.last().copied().unwrap_or(1)))
    }

    /// Whole laps before `at`, and the time since.
    fn lap(&self, at: Time) -> (u64, Duration) {
        let (since, length) = (at.since(Time::ZERO).as_nanos(), self.length().as_nanos().max(1));
        let rest = u64::try_from(since % length).unwrap_or(0);
        (u64::try_from(since / length).unwrap_or(u64::MAX), Duration::from_nanos(rest))
    }
}

/// How far a bottleneck has used its opportunities.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// The one that is being used.
    number: u64,
    /// Bytes of it that are taken.
    taken: u64,
}

impl Used {
    /// Takes what a datagram of `size` bytes needs that comes at `now`; when the last of it leaves.
    pub(super) fn take(&mut self, opportunities: &Opportunities, now: Time, size: u64) -> Time {
        let first = opportunities.before(now);
        if first > self.number {
            *self = Self { number: first, taken: 0 };
        }
        self.taken += size;
        while self.taken > OPPORTUNITY {
            self.taken -= OPPORTUNITY;
            self.number += 1;
        }
        opportunities.moment(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_recording_repeats_and_what_nobody_uses_is_lost() {
        let recording = Opportunities::parse("10\n10\n30\n").unwrap();
        let mut used = Used::default();
        let out: Vec<Time> = (0..5).map(|_| used.take(&recording, at(0), 1_500)).collect();
        assert_eq!(out, [10, 10, 30, 40, 40].map(at));
        assert_eq!(used.take(&recording, at(55), 1_500), at(60));
        assert_eq!(recording.possible(at(0), at(31)), 4_500);
        assert_eq!(recording.possible(at(15), at(45)), 4_500);
    }

    #[test]
    fn small_datagrams_share_an_opportunity_and_large_ones_take_several() {
        let recording = Opportunities::parse("10\n20\n30\n").unwrap();
        let mut used = Used::default();
        let out = [500, 500, 500, 1, 1_500].map(|size| used.take(&recording, at(1), size));
        assert_eq!(out, [10, 10, 10, 20, 30].map(at));
    }

    #[test]
    fn what_is_no_recording_is_told_with_its_line() {
        let error = |text| Opportunities::parse(text).unwrap_err();
        assert_eq!(error("1\nx\n"), RecordingError::NoNumber(2));
        assert_eq!(error("5\n4\n"), RecordingError::Earlier(2));
        assert_eq!(error("0\n0\n"), RecordingError::Empty);
        assert_eq!(error(""), RecordingError::Empty);
    }

    #[test]
    fn a_made_cell_has_its_mean_and_its_outages_and_a_seed_repeats_it() {
        for seed in 1..=8 {
            let cell = Opportunities::made(seed, 250_000);
            assert_eq!(cell.0, Opportunities::made(seed, 250_000).0, "seed {seed}");
            let rate = cell.possible(at(0), at(60_000)) / 60;
            assert!((100_000..600_000).contains(&rate), "seed {seed}: {rate} bytes a second");
            let longest = cell.0.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!((200..2_000).contains(&longest), "seed {seed}: {longest} ms without an opportunity");
        }
    }
}
