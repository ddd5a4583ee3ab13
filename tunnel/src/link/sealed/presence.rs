//! Whether the peer of a link of proxy2 is there, as far as the rest of the process knows; it may ask.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::server::queue::{Command, LinkQueue};

/// A peer that has answered so lately is there: however many search for it, it is asked four times a second. With the half second in
/// which a silence is noticed, one that was killed is missed within a second.
const FRESH: Duration = Duration::from_millis(250);
/// A peer that takes longer to answer cannot be known to be silent within the second for which a search waits.
const SLOW: Duration = Duration::from_millis(200);
/// For how long that is remembered: a peer that means no good keeps those who search waiting once in that time.
const SLOW_FOR: Duration = Duration::from_secs(60);
/// For how long a peer is watched after somebody said so. Whoever watches says it again in less than half of that.
const WATCHED_FOR: Duration = Duration::from_secs(20);

/// What is known of one peer, shared by the link's task and whoever counts on the peer.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    queue: LinkQueue,
    state: watch::Sender<PresenceState>,
}

/// What is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PresenceState {
    /// It has been asked in vain, and not been heard since.
    pub(crate) is_silent: bool,
    /// Since when it is asked, if it is now.
    asked_at: Option<Instant>,
    /// When it has answered last, unless it is silent.
    answered_at: Option<Instant>,
    /// Nobody waits for its answers until then.
    slow_until: Option<Instant>,
    /// Somebody watches what it does until then.
    watched_until: Option<Instant>,
}

impl PresenceState {
    /// Whether somebody watches what the peer does.
    pub(crate) fn is_watched(&self, now: Instant) -> bool {
        self.watched_until.is_some_and(|until| now < until)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.answered_at.is_some_and(|at| now < at + FRESH)
    }

    fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }

    /// True if it was not asked before.
    fn ask(&mut self, now: Instant) -> bool {
        let is_news = self.asked_at.is_none();
        self.asked_at.get_or_insert(now);
        is_news
    }

    /// True if it was not watched before.
    fn keep_watched(&mut self, now: Instant) -> bool {
        let is_news = !self.is_watched(now);
        self.watched_until = Some(now + WATCHED_FOR);
        is_news
    }

    /// True if that is news to somebody.
    fn settle(&mut self, is_silent: bool, now: Instant) -> bool {
        let asked_at = self.asked_at.take();
        let is_news = asked_at.is_some() || self.is_silent != is_silent;
        self.is_silent = is_silent;
        match asked_at {
            _ if is_silent => self.answered_at = None,
            Some(asked_at) => {
                self.answered_at = Some(now);
                if now > asked_at + SLOW {
                    self.slow_until = Some(now + SLOW_FOR);
                }
            }
            None => {}
        }
        is_news
    }
}

impl Presence {
    /// Of a peer that was just heard, by the link with this queue.
    pub(crate) fn new(queue: LinkQueue) -> Self {
        Self { queue, state: watch::Sender::default() }
    }

    /// Asks the peer, unless it is asked just now.
    pub(crate) fn ask(&self) {
        if self.state.send_if_modified(|state| state.ask(Instant::now())) {
            self.queue.command(Command::ProbeLiveness);
        }
    }

    /// Whether it does not answer.
    pub(crate) fn is_silent(&self) -> bool {
        self.state.borrow().is_silent
    }

    /// Whether it has answered just now: who only wants to know that it is there need not ask.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state.borrow().is_fresh(Instant::now())
    }

    /// Whether what comes of asking may not be known soon.
    pub(crate) fn is_slow(&self) -> bool {
        self.state.borrow().is_slow(Instant::now())
    }

    /// Somebody watches what it does, and wants to know within a second that it is gone.
    pub(crate) fn keep_watched(&self) {
        self.state.send_if_modified(|state| state.keep_watched(Instant::now()));
    }

    /// The state as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<PresenceState> {
        self.state.subscribe()
    }

    /// Waits until it is known what came of asking. Cancel safe.
    pub(crate) fn decided(&self) -> impl Future<Output = ()> + Send + use<> {
        until(self.state.subscribe(), |state| state.asked_at.is_none())
    }

    /// Waits until the peer is silent. Cancel safe.
    pub(crate) fn silent(&self) -> impl Future<Output = ()> + Send + use<> {
        until(self.state.subscribe(), |state| state.is_silent)
    }

    /// Waits until a silent peer is heard. Cancel safe.
    pub(crate) fn heard(&self) -> impl Future<Output = ()> + Send + use<> {
        until(self.state.subscribe(), |state| !state.is_silent)
    }

    /// The link's task knows.
    pub(crate) fn settle(&self, is_silent: bool) {
        self.state.send_if_modified(|state| state.settle(is_silent, Instant::now()));
    }
}

async fn until(mut state: watch::Receiver<PresenceState>, holds: impl Fn(&PresenceState) -> bool + Send) {
    // The link is over, and with it whatever counts on its peer.
    let _ = state.wait_for(holds).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn who_has_answered_is_fresh_for_a_while_and_who_takes_long_is_not_waited_for() {
        let (mut state, mut now) = (PresenceState::default(), Instant::now());
        assert!(!state.is_fresh(now), "it was never asked");
        assert!(state.ask(now) && !state.ask(now + MOMENT));
        now += SLOW;
        assert!(state.settle(false, now));
        assert!(state.is_fresh(now) && !state.is_slow(now) && !state.is_fresh(now + FRESH));
        now += FRESH;
        assert!(!state.settle(false, now) && !state.is_fresh(now), "nobody has asked");
        state.ask(now);
        now += SLOW + MOMENT;
        state.settle(false, now);
        assert!(state.is_fresh(now) && state.is_slow(now));
        let slow = now;
        state.ask(now);
        now += MOMENT;
        state.settle(false, now);
        assert!(state.is_slow(now), "one answer in time makes nothing good");
        assert!(state.settle(true, now) && !state.is_fresh(now));
        assert!(state.is_slow(slow + SLOW_FOR - MOMENT) && !state.is_slow(slow + SLOW_FOR));
    }

    #[test]
    fn it_is_watched_as_long_as_somebody_says_so_and_only_the_first_word_is_news() {
        let (mut state, now) = (PresenceState::default(), Instant::now());
        assert!(!state.is_watched(now) && state.keep_watched(now));
        let half = now + WATCHED_FOR / 2;
        assert!(!state.keep_watched(half) && state.is_watched(now + WATCHED_FOR));
        let end = half + WATCHED_FOR;
        assert!(!state.is_watched(end) && state.keep_watched(end));
    }
}
