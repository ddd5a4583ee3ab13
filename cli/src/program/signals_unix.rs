//! Signals, where there are some.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tunnel::reload;

/// The signals that ask for something. Listening starts when it is made, so none is missed afterwards.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Caught so that it does not end the program: a write to a log that has reached the limit for a file's size then
    /// merely fails. (SIGPIPE is ignored from the start.)
    _file_size: Signal,
}

impl Signals {
    /// Starts to listen for SIGINT and SIGTERM, which ask for the end, and SIGHUP, which asks that tickets and names be read again.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            _file_size: signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the first that asks for the end.
    pub async fn received(&mut self) {
        let name = loop {
            tokio::select! {
                _ = self.interrupt.recv() => break "SIGINT",
                _ = self.terminate.recv() => break "SIGTERM",
                _ = self.hangup.recv() => {
                    tracing::info!(signal = "SIGHUP", "reading tickets and names again");
                    reload::ask();
                }
            }
        };
        tracing::info!(signal = name, "ending");
    }
}
