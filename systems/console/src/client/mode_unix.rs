//! How the terminal was: while a line is edited it is in another mode, and the program may end meanwhile. Where no lines are edited nothing
//! of this is used: a process in the background that sets a terminal's mode is stopped.

use std::io::stdin;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal's mode, which is restored when the value is dropped.
#[derive(Debug)]
pub(super) struct Saved(Option<Termios>);

impl Saved {
    /// As it is now; nothing, where there is no terminal.
    pub(super) fn now() -> Self {
        Self(tcgetattr(stdin()).ok())
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        if let Some(mode) = &self.0 {
            // A terminal that is gone needs no mode.
            let _ = tcsetattr(stdin(), OptionalActions::Now, mode);
        }
    }
}
