//! A limit for log lines that others can cause.

use std::time::{Duration, Instant};

/// Lets a few lines a second through and counts the others.
#[derive(Debug)]
pub(crate) struct Limit {
    since: Instant,
    passed: u32,
    held_back: u64,
}

impl Limit {
    /// Lines let through in each [`Limit::WINDOW`].
    const LINES: u32 = 40;
    /// How long a window lasts.
    const WINDOW: Duration = Duration::from_secs(2);

    /// A limit with nothing used up.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { since: now, passed: 0, held_back: 0 }
    }

    /// Whether a line may be written now; if so, how many were held back before it, if any.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<Option<u64>> {
        if now.saturating_duration_since(self.since) >= Self::WINDOW {
            self.since = now;
            self.passed = 0;
        }
        if self.passed == Self::LINES {
            self.held_back += 1;
            return None;
        }
        self.passed += 1;
        let held_back = std::mem::take(&mut self.held_back);
        Some((held_back > 0).then_some(held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        let passed = (0..1_000).filter(|_| limit.pass(start).is_some()).count();
        assert_eq!(passed, 40);
        assert_eq!(limit.pass(start + Limit::WINDOW), Some(Some(960)));
        assert_eq!(limit.pass(start + Limit::WINDOW), Some(None));
    }
}
