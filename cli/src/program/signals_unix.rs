//! Signals, where there are some.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tunnel::metrics::so_far;
use tunnel::reload;

use super::{EndAsked, manager};

/// The signals that ask for something. Listening starts when it is made, so none is missed afterwards.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    count: Signal,
    /// Caught so that they do not end the program. SIGUSR2 asks for nothing here. At the limit for a file's size a write to the log
    /// merely fails. (SIGPIPE is ignored from the start.)
    _harmless: [Signal; 2],
}

impl Signals {
    /// Starts to listen for SIGINT and SIGTERM, which ask for the end, SIGHUP, which asks that tickets and names be read again, and
    /// SIGUSR1, which asks for the counters.
    ///
    /// # Errors
    /// The system does not let it.
    ///
    /// # Panics
    /// Outside a runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            count: signal(SignalKind::user_defined1())?,
            _harmless: [
                signal(SignalKind::user_defined2())?,
                signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?,
            ],
        })
    }

    /// Waits for the first that asks for the end. Cancel safe.
    pub async fn received(&mut self) {
        self.end_asked().await;
    }

    /// The same, and says how it asks. Cancel safe.
    pub async fn end_asked(&mut self) -> EndAsked {
        let (name, asked) = loop {
            tokio::select! {
                _ = self.interrupt.recv() => break ("SIGINT", EndAsked::AtOnce),
                _ = self.terminate.recv() => break ("SIGTERM", EndAsked::InOrder),
                _ = self.hangup.recv() => {
                    tracing::info!(signal = "SIGHUP", "reading tickets and names again");
                    manager::reloading();
                    reload::ask();
                }
                _ = self.count.recv() => so_far::ask(),
            }
        };
        tracing::info!(signal = name, "ending");
        manager::stopping();
        asked
    }
}
