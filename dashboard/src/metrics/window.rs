//! What went on lately, between scrapes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;
use tunnel::view::{SessionRates, SessionView, rates};

use crate::history::without_details;

/// The views of the last scrapes: at most one that is old enough, and the newer ones, which are as far apart as half of that.
#[derive(Debug, Default)]
pub(crate) struct Window(VecDeque<(Instant, SessionView)>);

impl Window {
    /// Over so long losses are told at the least. In less there are too few packets.
    const LEAST: Duration = Duration::from_secs(10);

    /// What went on since the newest scrape that is ten seconds old or older; `None`: there was none.
    pub(crate) fn rates(&mut self, view: &SessionView) -> Option<SessionRates> {
        let now = Instant::now();
        let is_old = |at: &Instant| now.duration_since(*at) >= Self::LEAST;
        while self.0.get(1).is_some_and(|(at, _)| is_old(at)) {
            self.0.pop_front();
        }
        let before = self.0.front().filter(|(at, _)| is_old(at));
        let rates = before.map(|(_, before)| rates(before, view));
        if self.0.back().is_none_or(|(at, _)| now.duration_since(*at) >= Self::LEAST / 2) {
            self.0.push_back((now, without_details(view, usize::MAX)));
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rates_are_of_ten_seconds_or_more_and_little_is_kept() {
        let mut window = Window::default();
        let mut over = Vec::new();
        for second in 1..=40 {
            let view = SessionView { uptime_ms: second * 1_000, ..SessionView::default() };
            over.push(window.rates(&view).map(|rates| rates.over_ms));
            assert!(window.0.len() <= 4, "{}", window.0.len());
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(over.iter().take_while(|over| over.is_none()).count(), 10);
        assert!(over.iter().flatten().all(|over| (10_000..=15_000).contains(over)), "{over:?}");
    }
}
