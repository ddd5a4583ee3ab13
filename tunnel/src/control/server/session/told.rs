//! When those who watch are told that a peer is gone, and when that it is back. Times are arguments.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time from one return to the next: a peer that comes and goes is told to those who watch no more often.
const RETURN: Duration = Duration::from_secs(5);

/// What they know of a peer.
#[derive(Debug)]
pub(super) struct Told {
    is_gone: bool,
    /// Before then they are not told that it is back.
    return_at: Instant,
}

/// What they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Gone,
    Back,
}

impl Told {
    /// Of a peer that is there.
    pub(super) const fn new(now: Instant) -> Self {
        Self { is_gone: false, return_at: now }
    }

    /// What they are to be told now.
    pub(super) fn next(&mut self, is_silent: bool, now: Instant) -> Option<News> {
        if is_silent && !self.is_gone {
            self.is_gone = true;
            return Some(News::Gone);
        }
        if self.due(is_silent).is_none_or(|due| now < due) {
            return None;
        }
        (self.is_gone, self.return_at) = (false, now + RETURN);
        Some(News::Back)
    }

    /// When they are to be told that it is back; `None`: it is not, or they know.
    pub(super) fn due(&self, is_silent: bool) -> Option<Instant> {
        (self.is_gone && !is_silent).then_some(self.return_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_comes_and_goes_is_told_to_be_back_once_in_some_seconds() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let mut told = Told::new(begin);
        assert_eq!(told.next(false, after(0)), None, "they know that it is there");
        assert_eq!(told.next(true, after(1)), Some(News::Gone));
        assert_eq!((told.next(true, after(1)), told.due(true)), (None, None), "it stays away");
        assert_eq!(told.due(false), Some(begin), "the first time at once");
        assert_eq!(told.next(false, after(2)), Some(News::Back));
        assert_eq!((told.next(false, after(2)), told.due(false)), (None, None), "they know");
        assert_eq!(told.next(true, after(3)), Some(News::Gone), "that it is gone is told at once");
        assert_eq!(told.next(false, after(4)), None, "too soon");
        assert_eq!(told.due(false), Some(after(7)));
        assert_eq!(told.next(true, after(5)), None, "they have not heard of its return");
        assert_eq!(told.next(false, after(7)), Some(News::Back));
        assert_eq!(told.due(false), None);
    }
}
