//! Lines on their way to the user, written by a thread of its own: a pipe may be full, and a terminal stopped.

use std::io::{self, Write, stdout};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::WAITING;
use super::mode::Saved;

/// How long the end of the program waits for who reads the output.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// A thread that writes lines.
#[derive(Debug)]
pub(super) struct Output {
    lines: mpsc::Sender<String>,
    written: oneshot::Receiver<io::Result<()>>,
    /// Restored with the value, where lines are edited.
    mode: Option<Saved>,
}

impl Output {
    /// To standard output.
    pub(super) fn plain() -> Self {
        Self::start(None, |line| {
            let mut out = stdout().lock();
            out.write_all(line.as_bytes())?;
            out.flush()
        })
    }

    /// By `print`, which gets whole lines with their ends; a terminal gets its mode back at the end.
    pub(super) fn start(
        mode: Option<Saved>,
        mut print: impl FnMut(String) -> io::Result<()> + Send + 'static,
    ) -> Self {
        let (lines, mut waiting) = mpsc::channel::<String>(WAITING);
        let (done, written) = oneshot::channel();
        thread::spawn(move || {
            let mut written = Ok(());
            while let Some(mut line) = waiting.blocking_recv() {
                line.push('\n');
                written = print(line);
                if written.is_err() {
                    break;
                }
            }
            // Nobody may wait for it any more.
            let _ = done.send(written);
        });
        Self { lines, written, mode }
    }

    /// Where lines go in, without their ends.
    pub(super) fn sender(&self) -> mpsc::Sender<String> {
        self.lines.clone()
    }

    /// Waits until all is written, but not for long. A reader that has seen enough, as in `… | head -1`, is no error.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn finish(self) -> io::Result<()> {
        drop(self.lines);
        let written = timeout(END_PATIENCE, self.written).await;
        if self.mode.is_some() {
            // The prompt that waits for a line: what is said next begins at the left.
            let _ = write!(stdout(), "\r\x1b[K");
            let _ = stdout().flush();
        }
        match written {
            Ok(Ok(Err(error))) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}
