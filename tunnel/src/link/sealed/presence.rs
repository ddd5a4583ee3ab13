//! Whether the peer of a link of proxy2 is there, as far as the rest of the process knows; it may ask.

use std::future::Future;

use tokio::sync::watch;

use super::server::queue::{Command, LinkQueue};

/// What is known of one peer, shared by the link's task and whoever counts on the peer.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    queue: LinkQueue,
    state: watch::Sender<PresenceState>,
}

/// What is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PresenceState {
    /// It has been asked in vain, and not been heard since.
    pub(crate) is_silent: bool,
    /// It is asked now.
    is_asked: bool,
}

impl Presence {
    /// Of a peer that was just heard, by the link with this queue.
    pub(crate) fn new(queue: LinkQueue) -> Self {
        Self { queue, state: watch::Sender::default() }
    }

    /// Asks the peer, unless it is asked just now.
    pub(crate) fn ask(&self) {
        let asks = self.state.send_if_modified(|state| !std::mem::replace(&mut state.is_asked, true));
        if asks {
            self.queue.command(Command::ProbeLiveness);
        }
    }

    /// Whether it does not answer.
    pub(crate) fn is_silent(&self) -> bool {
        self.state.borrow().is_silent
    }

    /// The state as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<PresenceState> {
        self.state.subscribe()
    }

    /// Waits until it is known what came of asking. Cancel safe.
    pub(crate) fn decided(&self) -> impl Future<Output = ()> + Send + use<> {
        until(self.state.subscribe(), |state| !state.is_asked)
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
        let known = PresenceState { is_silent, is_asked: false };
        self.state.send_if_modified(|state| std::mem::replace(state, known) != known);
    }
}

async fn until(mut state: watch::Receiver<PresenceState>, holds: impl Fn(&PresenceState) -> bool + Send) {
    // The link is over, and with it whatever counts on its peer.
    let _ = state.wait_for(holds).await;
}
