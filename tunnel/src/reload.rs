//! The wish of the operator that tickets and names be read again: SIGHUP, where there are signals. It ends nothing.

use std::task::Context;

use crate::wish::{Asked, Wish};

static RELOAD: Wish = Wish::new();

/// Asks everybody who listens.
pub fn ask() {
    RELOAD.ask();
}

/// Hears of each time that it is asked for from now on; several in a row may be one.
#[derive(Debug)]
pub struct Reload(Asked);

impl Reload {
    /// Begins to listen.
    #[expect(clippy::new_without_default, reason = "it begins something")]
    pub fn new() -> Self {
        Self(RELOAD.listen())
    }

    /// Whether it was asked for since the last time; if not, and in any case the next time, it wakes `cx`.
    pub(crate) fn was_asked(&mut self, cx: &mut Context<'_>) -> bool {
        self.0.poll(cx)
    }

    /// Waits until it is asked for. Cancel safe.
    pub async fn asked(&mut self) {
        self.0.next().await;
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
