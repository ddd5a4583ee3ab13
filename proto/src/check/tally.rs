//! proxy1's side: what the answers of one flow say together.

use std::net::SocketAddr;
use std::time::Duration;

use super::Answer;
use crate::sealed::handshake::terms::UnixMicros;
use crate::time::Time;

/// What was learnt of the path by the questions of one flow.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// What became of each question, by its number.
    questions: Vec<Fate>,
    /// How many more never left, nobody knows which.
    dropped: u32,
    /// Round trips, without the time that proxy2 waited, in the order in which answers came.
    round_trips: Vec<Duration>,
    came: u32,
    highest_serial: Option<u32>,
    /// Answers that came behind one that was sent later.
    late_here: u32,
    /// The answer with the highest serial.
    last: Option<Answer>,
    /// When the first question left, and the last answer came.
    begun: Option<Time>,
    last_came: Time,
    /// By how much proxy2's clock is ahead, in microseconds, as of the fastest round trip.
    ahead: Option<(Duration, i64)>,
}

/// What became of a question.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// This end did not send it: it says nothing of the path.
    NeverLeft,
    /// It left then.
    Left(Time),
    Answered,
}

impl Tally {
    /// Nothing was asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of the next question.
    pub fn next_number(&self) -> u32 {
        count(self.questions.len())
    }

    /// The next question has left, or could not (`None`).
    pub fn asked(&mut self, at: Option<Time>) {
        self.questions.push(at.map_or(Fate::NeverLeft, Fate::Left));
        self.begun = self.begun.or(at);
    }

    /// So many of the questions that seemed to leave did not.
    pub const fn dropped(&mut self, questions: u32) {
        self.dropped = self.dropped.saturating_add(questions);
    }

    /// An answer has come. `unix`: the wall clock now.
    pub fn take(&mut self, now: Time, unix: UnixMicros, answer: &Answer) {
        let Some(fate) = self.questions.get_mut(place(answer.number)) else { return };
        // A flow gives nothing twice.
        let Fate::Left(left) = std::mem::replace(fate, Fate::Answered) else { return };
        self.came += 1;
        self.last_came = now;
        if self.highest_serial.is_some_and(|highest| highest > answer.serial) {
            self.late_here += 1;
        }
        if self.highest_serial < Some(answer.serial) {
            self.highest_serial = Some(answer.serial);
            self.last = Some(*answer);
        }
        let round_trip = now.since(left).saturating_sub(answer.waited);
        self.round_trips.push(round_trip);
        if self.ahead.is_none_or(|(fastest, _)| round_trip < fastest) {
            let here = i64::try_from(unix.0).unwrap_or(i64::MAX);
            let there = i64::try_from(answer.clock.0).unwrap_or(i64::MAX);
            let half = i64::try_from(round_trip.as_micros() / 2).unwrap_or(i64::MAX);
            self.ahead = Some((round_trip, there.saturating_add(half).saturating_sub(here)));
        }
    }

    /// How many questions left.
    pub fn sent(&self) -> u32 {
        self.left_of(self.questions.len())
    }

    /// How many answers came.
    pub const fn came(&self) -> u32 {
        self.came
    }

    /// The round trips, the shortest first.
    pub fn round_trips(&self) -> Vec<Duration> {
        let mut sorted = self.round_trips.clone();
        sorted.sort_unstable();
        sorted
    }

    /// How many of the questions that left reached proxy2, as far as its answers say: `(reached, of)`. Without any answer nothing is
    /// known, and none is taken to have.
    pub fn there(&self) -> (u32, u32) {
        let Some(last) = &self.last else { return (0, self.sent()) };
        let of = self.left_of(place(last.number).saturating_add(1));
        (last.received.min(of), of)
    }

    /// How many of the answers came here: `(came, of)`.
    pub fn back(&self) -> (u32, u32) {
        (self.came, self.highest_serial.map_or(0, |serial| serial.saturating_add(1)).max(self.came))
    }

    /// How long questions have been arriving at proxy2: from the first question to the last answer, without one round trip.
    pub fn lasted(&self) -> Duration {
        let round_trip = self.round_trips.iter().min().copied().unwrap_or_default();
        self.begun.map_or(Duration::ZERO, |begun| self.last_came.since(begun)).saturating_sub(round_trip)
    }

    /// How many came out of order: questions at proxy2, answers here.
    pub fn reordered(&self) -> (u32, u32) {
        (self.last.as_ref().map_or(0, |last| last.late), self.late_here)
    }

    /// Where proxy2 sees this end.
    pub fn seen(&self) -> Option<SocketAddr> {
        self.last.as_ref().map(|last| last.seen)
    }

    /// By how many microseconds proxy2's clock is ahead of this one's; less than 0: behind.
    pub fn clock_ahead(&self) -> Option<i64> {
        self.ahead.map(|(_, ahead)| ahead)
    }

    /// How many of the first questions left.
    fn left_of(&self, first: usize) -> u32 {
        let of = self.questions.iter().take(first);
        let left = of.filter(|fate| !matches!(fate, Fate::NeverLeft)).count();
        count(left).saturating_sub(self.dropped).max(self.came)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
