//! How fast work may come, whoever sends it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The longest wait for a turn: who would have to wait longer is told so, and has gone or asks again by then. Who goes while he waits
/// leaves no more behind than that.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Gives turns at a steady pace. Whoever has to wait waits in order.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    burst: Duration,
    /// When the next turn would be if none had been left out.
    next: Mutex<Instant>,
}

/// Too many wait for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

impl Pace {
    /// One turn each `interval`, and up to `burst` at once after a pause.
    pub(crate) fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst: interval * burst, next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn. A turn that is not waited for is lost.
    ///
    /// # Errors
    /// So many wait already that it would be longer than two seconds: at once, and no turn is lost.
    pub(crate) async fn turn(&self) -> Result<(), Crowded> {
        if let Some(due) = self.take(Instant::now())? {
            sleep_until(due).await;
        }
        Ok(())
    }

    /// When the next turn is, if not now.
    fn take(&self, now: Instant) -> Result<Option<Instant>, Crowded> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now);
        // What is saved up goes before what is due.
        let due = turn.checked_sub(self.burst).filter(|due| *due > now);
        if due.is_some_and(|due| due > now + LONGEST_WAIT) {
            return Err(Crowded);
        }
        *next = turn + self.interval;
        Ok(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let pace = Pace::new(Duration::from_millis(10), 20);
        let began = Instant::now();
        for _ in 0..21 {
            pace.turn().await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            pace.turn().await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_two_seconds_whoever_has_gone() {
        let pace = Pace::new(Duration::from_millis(10), 20);
        // A crowd that comes at once and goes while it waits.
        let crowd: Vec<_> = (0..1_000).map(|_| pace.take(Instant::now())).collect();
        let count =
            |is: fn(&Result<Option<Instant>, Crowded>) -> bool| crowd.iter().filter(|one| is(one)).count();
        assert_eq!(count(|one| matches!(one, Ok(None))), 21);
        assert_eq!(count(|one| matches!(one, Ok(Some(_)))), 200, "so many have a turn within two seconds");
        let began = Instant::now();
        assert_eq!(pace.turn().await, Err(Crowded));
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(pace.turn().await, Ok(()));
        assert_eq!(began.elapsed(), Duration::from_millis(2_010));
    }
}
