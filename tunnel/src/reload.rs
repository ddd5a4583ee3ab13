//! The wish of the operator that tickets and names be read again: SIGHUP, where there are signals. It ends nothing.

use std::future::poll_fn;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use tokio::sync::watch;

use crate::changes::Changes;

/// How often it was asked for. One for the process, as the signal is.
static ASKED: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// Asks everybody who listens.
pub fn ask() {
    ASKED.send_modify(|count| *count += 1);
}

/// Hears of each time that it is asked for from now on; several in a row may be one.
#[derive(Debug)]
pub struct Reload(Changes<u64>);

impl Reload {
    /// Begins to listen.
    #[expect(clippy::new_without_default, reason = "it begins something")]
    pub fn new() -> Self {
        Self(Changes::of(ASKED.subscribe()))
    }

    /// Whether it was asked for since the last time; if not, and in any case the next time, it wakes `cx`.
    pub(crate) fn was_asked(&mut self, cx: &mut Context<'_>) -> bool {
        let mut was_asked = false;
        while self.0.poll(cx).is_ready() {
            was_asked = true;
        }
        was_asked
    }

    /// Waits until it is asked for. Cancel safe.
    pub async fn asked(&mut self) {
        poll_fn(|cx| if self.was_asked(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_listener_hears_of_it_again_and_again() {
        let (mut one, mut other) = (Reload::new(), Reload::new());
        for _ in 0..2 {
            ask();
            one.asked().await;
            other.asked().await;
        }
    }
}
