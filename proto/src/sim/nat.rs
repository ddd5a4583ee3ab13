//! An address translator on the client's side.

use crate::time::Time;
use std::time::Duration;

/// Gives the client another port when it has forgotten the one it had, and lets nothing in at a forgotten one.
#[derive(Clone, Copy, Debug)]
pub struct Nat {
    /// After how long without a packet of the client's it forgets.
    pub forgets: Duration,
    /// When the client last sent one.
    pub refreshed: Time,
}

impl Nat {
    /// Whether it has forgotten the client.
    pub fn has_forgotten(&self, now: Time) -> bool {
        now.since(self.refreshed) > self.forgets
    }
}
