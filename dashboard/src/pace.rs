//! How fast work may come, whoever sends it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives turns at a steady pace. Whoever has to wait waits in order.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    burst: Duration,
    /// When the next turn would be if none had been left out.
    next: Mutex<Instant>,
}

impl Pace {
    /// One turn each `interval`, and up to `burst` at once after a pause.
    pub(crate) fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst: interval * burst, next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn. A turn that is not waited for is lost.
    pub(crate) async fn turn(&self) {
        let due = {
            let now = Instant::now();
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let due = (*next).max(now);
            *next = due + self.interval;
            // What is saved up goes before what is due.
            due.checked_sub(self.burst).filter(|due| *due > now)
        };
        if let Some(due) = due {
            sleep_until(due).await;
        }
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
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }
}
