//! A stream's local end inside this process: a pair of bounded queues between a link and this process, or between two links.
//!
//! It ends as a TCP connection does, so that the rest of the link need not know the difference: in order and for each
//! direction by itself (FIN), or both at once with a reason (RST).

mod queue;
mod stream;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use proto::sealed::wire::frame::ResetCode;

use self::queue::Queue;
pub(crate) use self::queue::RelayMemory;
pub use self::stream::PipeStream;
use crate::ready::keep_waker;

/// A new pipe between a link and this process: the link's end and the application's.
pub(crate) fn pipe() -> (PipeEnd, PipeStream) {
    let shared = Arc::<SharedPipe>::default();
    (PipeEnd(Half { shared: Arc::clone(&shared), side: 0 }), PipeStream(Half { shared, side: 1 }))
}

/// A new pipe between two links, the bytes of which are held by `memory`.
pub(crate) fn relay(memory: &RelayMemory) -> (PipeEnd, PipeEnd) {
    let sides = [PipeSide::relaying(memory), PipeSide::relaying(memory)];
    let shared = Arc::new(Mutex::new(PipeState { sides }));
    (PipeEnd(Half { shared: Arc::clone(&shared), side: 0 }), PipeEnd(Half { shared, side: 1 }))
}

/// A link's end.
pub(crate) struct PipeEnd(Half);

/// One of the two ends.
struct Half {
    shared: Arc<SharedPipe>,
    /// Its own place among the sides.
    side: usize,
}

type SharedPipe = Mutex<PipeState>;

#[derive(Debug, Default)]
struct PipeState {
    sides: [PipeSide; 2],
}

/// What one end has, and what it has said.
#[derive(Debug, Default)]
struct PipeSide {
    /// Bytes for it to read.
    incoming: Queue,
    /// What it has said of the direction that it writes.
    said: Said,
    /// What the other end leads to has been reached.
    is_open: bool,
    /// The far end of the link has all that this one has written, and its end.
    is_delivered: bool,
    /// It is gone: it says nothing more.
    is_gone: bool,
    /// The task of a link, which is woken each time.
    link: Option<Waker>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// How far one direction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Said {
    /// Bytes come.
    #[default]
    Going,
    /// No more come.
    Finished,
    /// Neither direction goes on.
    Reset(ResetCode),
}

/// Why a stream was reset, as an error has it inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream was reset: {0}")]
struct WasReset(ResetCode);

/// Why the stream that failed with this error was reset; `None`: it was not.
pub fn reset_code(error: &io::Error) -> Option<ResetCode> {
    error.get_ref()?.downcast_ref::<WasReset>().map(|reset| reset.0)
}

/// The error of a stream that was reset.
pub(crate) fn was_reset(code: ResetCode) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, WasReset(code))
}

impl PipeSide {
    fn relaying(memory: &RelayMemory) -> Self {
        Self { incoming: Queue::held_by(memory), ..Self::default() }
    }
}

impl PipeState {
    /// An end's own side and the other's.
    const fn both(&mut self, side: usize) -> (&mut PipeSide, &mut PipeSide) {
        let [first, second] = &mut self.sides;
        if side == 0 { (first, second) } else { (second, first) }
    }

    fn is_reset(&self) -> bool {
        self.sides.iter().any(|side| matches!(side.said, Said::Reset(_)))
    }

    fn has_ended_in_order(&self) -> bool {
        self.sides.iter().all(|side| side.said == Said::Finished)
    }
}

impl Half {
    fn lock(&self) -> MutexGuard<'_, PipeState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases the lock, then wakes the other end, which would otherwise find it taken.
    fn wake_other(&self, mut state: MutexGuard<'_, PipeState>) {
        let (_, other) = state.both(self.side);
        let wakers = [other.link.clone(), other.reader.take(), other.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Waits until what the other end leads to has been reached.
    async fn opened(&self) -> Result<(), ResetCode> {
        poll_fn(|cx| {
            let mut state = self.lock();
            let (own, other) = state.both(self.side);
            if own.is_open {
                // What came before a reset is there to be read.
                return Poll::Ready(Ok(()));
            }
            match other.said {
                Said::Reset(code) => Poll::Ready(Err(code)),
                Said::Going | Said::Finished => {
                    keep_waker(&mut own.reader, cx.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl PipeEnd {
    /// Whether there is something to read: bytes, or an end. Wakes the caller when there is.
    pub(crate) fn poll_read_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        keep_waker(&mut own.link, cx.waker());
        let nothing = own.incoming.is_empty() && other.said == Said::Going;
        if nothing { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Whether bytes can be written, or the other end has ended. Wakes the caller when that is so.
    pub(crate) fn poll_write_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        keep_waker(&mut own.link, cx.waker());
        let full = other.incoming.room() == 0 && !matches!(other.said, Said::Reset(_));
        if full { Poll::Pending } else { Poll::Ready(()) }
    }

    /// What the other end has written; 0 is the end of it.
    ///
    /// # Errors
    /// `WouldBlock`: nothing now. `ConnectionReset`: the other end has reset the stream.
    pub(crate) fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        if own.incoming.is_empty() {
            return match other.said {
                Said::Reset(code) => Err(was_reset(code)),
                Said::Going => Err(io::ErrorKind::WouldBlock.into()),
                Said::Finished => Ok(0),
            };
        }
        let read = own.incoming.read(bufs.iter_mut().map(|buf| &mut **buf));
        self.0.wake_other(state);
        Ok(read)
    }

    /// Gives the other end as much as there is room for.
    ///
    /// # Errors
    /// `WouldBlock`: there is none. `ConnectionReset`: the other end has reset the stream.
    pub(crate) fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.0.lock();
        let (_, other) = state.both(self.0.side);
        if let Said::Reset(code) = other.said {
            return Err(was_reset(code));
        }
        let written = other.incoming.write(bufs.iter().map(|buf| &**buf));
        if written == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.wake_other(state);
        Ok(written)
    }

    /// How the other end has ended, if it has: in order with nothing left to read, or by a reset. Wakes `waker` when it does.
    pub(crate) fn end(&self, waker: &Waker) -> Option<io::Result<()>> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        keep_waker(&mut own.link, waker);
        match other.said {
            Said::Reset(code) => Some(Err(was_reset(code))),
            Said::Finished if own.incoming.is_empty() => Some(Ok(())),
            Said::Finished | Said::Going => None,
        }
    }

    /// Tells the other end that the far end of this link has dialled.
    pub(crate) fn open(&self) {
        let mut state = self.0.lock();
        let (_, other) = state.both(self.0.side);
        other.is_open = true;
        self.0.wake_other(state);
    }

    /// Waits until the link at the other end of a relay has told that its far end has dialled. Cancel safe.
    ///
    /// # Errors
    /// It was reset instead.
    pub(crate) async fn opened(&self) -> Result<(), ResetCode> {
        self.0.opened().await
    }

    /// Tells the other end that the far end of this link has all that it has written, and its end.
    pub(crate) fn delivered(&self) {
        let mut state = self.0.lock();
        let (_, other) = state.both(self.0.side);
        other.is_delivered = true;
        self.0.wake_other(state);
    }

    /// Tells the other end that nothing more comes.
    pub(crate) fn finish(&self) {
        let mut state = self.0.lock();
        let (own, _) = state.both(self.0.side);
        if own.said == Said::Going {
            own.said = Said::Finished;
            self.0.wake_other(state);
        }
    }

    /// Tells the other end that the stream was reset, behind the bytes that are there.
    pub(crate) fn reset(&self, code: ResetCode) {
        let mut state = self.0.lock();
        if state.is_reset() {
            return;
        }
        let (own, _) = state.both(self.0.side);
        own.said = Said::Reset(code);
        own.incoming.clear();
        self.0.wake_other(state);
    }
}

impl Drop for PipeEnd {
    /// Whatever became of the link, the other end learns that nothing goes on.
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.both(self.0.side).0.is_gone = true;
        if state.has_ended_in_order() {
            // Who waits for more than that hears nothing of it any more.
            return self.0.wake_other(state);
        }
        drop(state);
        self.reset(ResetCode::Reset);
    }
}

impl fmt::Debug for PipeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PipeEnd")
    }
}

#[cfg(test)]
mod tests;
