//! Questions to proxy2 in a flow of their own, and its answers.

use std::time::{Duration, Instant};

use proto::check::{Answer, AnswerSize, Question, Tally};
use proto::destination::Destination;
use proto::sealed::handshake::terms::Features;
use proto::sealed::link::Event;
use proto::sealed::transport::Event as StreamEvent;
use proto::sealed::wire::frame::{ResetCode, StreamId};

use super::driver::Driver;
use super::measure::NotMeasured;
use crate::clock::Clock;

/// How long proxy2 may take to open a flow, or to say no: some round trips, with losses.
const OPENING: Duration = Duration::from_secs(3);

/// A flow, and what it has told so far.
#[derive(Debug)]
pub(super) struct CheckFlow {
    pub(super) id: StreamId,
    pub(super) tally: Tally,
    /// Datagrams of the link that this end had dropped before.
    dropped_before: u64,
}

/// Questions to ask: from the one to the next, and how large they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub(super) count: u32,
    pub(super) gap: Duration,
    pub(super) size: u16,
}

impl CheckFlow {
    /// Opens one.
    ///
    /// # Errors
    /// proxy2 does not have such flows, or the link fails.
    pub(super) async fn open(driver: &mut Driver) -> Result<Self, NotMeasured> {
        if !driver.link.peer_features().has(Features::DATAGRAMS) {
            return Err(NotMeasured::Older);
        }
        let id = driver.link.streams().open(&Destination::Check.to_wire()).ok_or(NotMeasured::Limit)?;
        let dropped_before = dropped(driver);
        let until = Instant::now() + OPENING;
        while Instant::now() < until {
            driver.step(until).await;
            while let Some(event) = driver.events.pop_front() {
                match event {
                    Event::Stream(StreamEvent::Opened(opened)) if opened == id => {
                        return Ok(Self { id, tally: Tally::new(), dropped_before });
                    }
                    Event::Stream(StreamEvent::Reset(reset, code)) if reset == id => {
                        driver.link.streams().discard(id);
                        let is_full = code == ResetCode::Limit;
                        return Err(if is_full { NotMeasured::Limit } else { NotMeasured::Older });
                    }
                    Event::Ended(_) | Event::Broken(_) | Event::Gone | Event::Restarted => {
                        return Err(NotMeasured::Lost);
                    }
                    Event::Stream(_)
                    | Event::Up { .. }
                    | Event::Refused(_)
                    | Event::Moved(_)
                    | Event::Unreachable
                    | Event::Keepalive(_)
                    | Event::Heard => {}
                }
            }
        }
        Err(NotMeasured::Lost)
    }

    /// Asks one question, which leaves at once if the path lets it.
    pub(super) async fn ask(&mut self, driver: &mut Driver, size: u16, wait: Duration) {
        let number = self.tally.next_number();
        let question = Question { number, size, answer: AnswerSize::Same, wait };
        let now = driver.now();
        let taken = driver.link.streams().send_datagram(now, self.id, &question.to_bytes());
        self.tally.asked(taken.is_ok().then_some(now));
        driver.transmit().await;
    }

    /// Asks a series, and takes answers meanwhile. Where there is no room for so much, it ends after twice its time, or so early that
    /// answers come before `limit`.
    pub(super) async fn run(&mut self, driver: &mut Driver, series: Series, limit: Instant) {
        let begun = Instant::now();
        let end = begun + series.gap * series.count * 2;
        for number in 0..series.count {
            let now = Instant::now();
            if number > 0 && (now > end || now + self.patience(driver) > limit) {
                break;
            }
            self.take_until(driver, begun + series.gap * number, u32::MAX).await;
            self.ask(driver, series.size, Duration::ZERO).await;
        }
    }

    /// Takes answers until then, or until so many have come.
    pub(super) async fn take_until(&mut self, driver: &mut Driver, until: Instant, enough: u32) {
        while Instant::now() < until && self.tally.came() < enough {
            driver.step(until).await;
            // Their streams are the only ones.
            driver.events.clear();
            self.take(driver);
        }
    }

    fn take(&mut self, driver: &mut Driver) {
        let now = driver.now();
        while let Some(datagram) = driver.link.streams().recv_datagram(self.id) {
            if let Some(answer) = Answer::parse(&datagram) {
                self.tally.take(now, Clock::unix(), &answer);
            }
        }
    }

    /// The round trip that most answers do not exceed, or that of the link.
    pub(super) fn patience(&self, driver: &mut Driver) -> Duration {
        const LEAST: Duration = Duration::from_millis(200);
        const MOST: Duration = Duration::from_millis(1_500);
        let slowest = self.tally.round_trips().last().copied();
        let round_trip = slowest.or_else(|| driver.link.streams().round_trip()).unwrap_or(LEAST);
        (round_trip * 2).clamp(LEAST, MOST)
    }

    /// Waits for what is still on its way, until `limit` at the most, and ends the flow.
    pub(super) async fn end(mut self, driver: &mut Driver, limit: Instant) -> Tally {
        let until = (Instant::now() + self.patience(driver)).min(limit);
        let all = self.tally.sent();
        self.take_until(driver, until, all).await;
        let lost_here = dropped(driver).saturating_sub(self.dropped_before);
        self.tally.dropped(u32::try_from(lost_here).unwrap_or(u32::MAX));
        let now = driver.now();
        driver.link.streams().finish(now, self.id);
        driver.transmit().await;
        self.tally
    }
}

/// Datagrams that were taken and then did not leave, since the path, as far as the link knows, carries less.
fn dropped(driver: &mut Driver) -> u64 {
    let counts = driver.link.streams().datagram_counts();
    counts.too_old + counts.unsent
}
