//! Who sends on a socket waits here while the system takes no more.

use std::fmt;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{Transmit, Udp, Writable};

/// One sender's place; several send on one socket.
#[derive(Default)]
pub struct Gate {
    closed: Option<Writable>,
}

impl Gate {
    /// For a socket that can be written to and still takes nothing, as some kernels answer a segmented send.
    const PAUSE: Duration = Duration::from_millis(1);

    /// Pending while the system takes no more.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(writable) = &mut self.closed {
            // An error here shows in the next send.
            let _ = ready!(writable.as_mut().poll(cx));
            self.closed = None;
        }
        Poll::Ready(())
    }

    /// Sends `transmit`, or its first segments, and says how many bytes of its contents are sent. Contents are at
    /// most [`MAX_SEND`](super::MAX_SEND) bytes.
    ///
    /// # Errors
    /// Those of `sendmsg` for the first segment not yet sent. None is an end: the next send may succeed.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        udp: &Udp,
        transmit: &Transmit<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut waited = self.closed.is_some();
        loop {
            ready!(self.poll(cx));
            match udp.try_send(transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.closed = Some(match waited {
                        true => Box::pin(async {
                            tokio::time::sleep(Self::PAUSE).await;
                            Ok(())
                        }),
                        false => udp.writable(),
                    });
                    waited = true;
                }
                result => return Poll::Ready(result),
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("closed", &self.closed.is_some()).finish()
    }
}
