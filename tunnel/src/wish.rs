//! What the operator asks of all sessions of the process, as by a signal. One for the process, as a signal is.

use std::future::poll_fn;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use tokio::sync::watch;

use crate::changes::Changes;

/// Something that can be asked for, again and again.
#[derive(Debug)]
pub(crate) struct Wish(LazyLock<watch::Sender<u64>>);

impl Wish {
    /// Not asked for yet.
    pub(crate) const fn new() -> Self {
        Self(LazyLock::new(|| watch::Sender::new(0)))
    }

    /// Asks everybody who listens.
    pub(crate) fn ask(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Hears of each time from now on.
    pub(crate) fn listen(&self) -> Asked {
        Asked(Changes::of(self.0.subscribe()))
    }
}

/// Hears of each time that it is asked for; several in a row may be one.
#[derive(Debug)]
pub(crate) struct Asked(Changes<u64>);

impl Asked {
    /// Whether it was asked for since the last time; if not, and in any case the next time, it wakes `cx`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut was_asked = false;
        while self.0.poll(cx).is_ready() {
            was_asked = true;
        }
        was_asked
    }

    /// Waits until it is asked for. Cancel safe.
    pub(crate) async fn next(&mut self) {
        poll_fn(|cx| if self.poll(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}
