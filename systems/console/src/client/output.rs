//! Lines on their way to the user, written by a thread of its own: a pipe may be full, and a terminal stopped.

use std::io::{self, Write, stdout};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::WAITING;

/// How long the end of the program waits for who reads the output.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// A thread that writes lines.
#[derive(Debug)]
pub(super) struct Output {
    lines: mpsc::Sender<String>,
    written: oneshot::Receiver<()>,
}

impl Output {
    /// To standard output.
    pub(super) fn plain() -> Self {
        Self::start(|line| {
            let mut out = stdout().lock();
            out.write_all(line.as_bytes())?;
            out.flush()
        })
    }

    /// By `print`, which gets whole lines with their ends.
    pub(super) fn start(mut print: impl FnMut(String) -> io::Result<()> + Send + 'static) -> Self {
        let (lines, mut waiting) = mpsc::channel::<String>(WAITING);
        let (done, written) = oneshot::channel();
        thread::spawn(move || {
            while let Some(mut line) = waiting.blocking_recv() {
                line.push('\n');
                if print(line).is_err() {
                    return;
                }
            }
            // Nobody may wait for it any more.
            let _ = done.send(());
        });
        Self { lines, written }
    }

    /// Where lines go in, without their ends.
    pub(super) fn sender(&self) -> mpsc::Sender<String> {
        self.lines.clone()
    }

    /// Waits until all is written, but not for long.
    pub(super) async fn finish(self) {
        drop(self.lines);
        let _ = timeout(END_PATIENCE, self.written).await;
    }
}
