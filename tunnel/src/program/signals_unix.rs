//! Signals, where there are some.

use std::io;

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask for the end. Listening starts when it is made, so none is missed afterwards.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Caught so that it does not end the program: a write to a log that has reached the limit for a file's size then
    /// merely fails. (SIGPIPE is ignored from the start.)
    _file_size: Signal,
}

impl Signals {
    /// Starts to listen for SIGINT and SIGTERM.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _file_size: signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the first of them.
    pub async fn received(mut self) {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        };
        tracing::info!(signal = name, "ending");
    }
}
