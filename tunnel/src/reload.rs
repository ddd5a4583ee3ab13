//! The wish of the operator that tickets and names be read again: SIGHUP, where there are signals. It ends nothing.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use tokio::sync::watch;

/// How often it was asked for. One for the process, as the signal is.
static ASKED: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// Asks everybody who listens.
pub fn ask() {
    ASKED.send_modify(|count| *count += 1);
}

/// Hears of each time that it is asked for from now on; several in a row may be one.
pub struct Reload(Pin<Box<dyn Future<Output = watch::Receiver<u64>> + Send>>);

impl Reload {
    /// Begins to listen.
    #[expect(clippy::new_without_default, reason = "it begins something")]
    pub fn new() -> Self {
        Self(Box::pin(next(ASKED.subscribe())))
    }

    /// Whether it was asked for since the last time; if not, and in any case the next time, it wakes `cx`.
    pub(crate) fn was_asked(&mut self, cx: &mut Context<'_>) -> bool {
        let mut was_asked = false;
        while let Poll::Ready(receiver) = self.0.as_mut().poll(cx) {
            self.0 = Box::pin(next(receiver));
            was_asked = true;
        }
        was_asked
    }

    /// Waits until it is asked for. Cancel safe.
    pub async fn asked(&mut self) {
        poll_fn(|cx| if self.was_asked(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").finish_non_exhaustive()
    }
}

async fn next(mut receiver: watch::Receiver<u64>) -> watch::Receiver<u64> {
    receiver.changed().await.expect("the sender lives as long as the process");
    receiver
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
