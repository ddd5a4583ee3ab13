//! A stream's local end inside this process: a pair of bounded queues, one to the link and one from it.
//!
//! It ends as a TCP connection does, so that the rest of the link need not know the difference: in order and for each
//! direction by itself (FIN), or both at once with a reason (RST).

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use proto::sealed::wire::frame::ResetCode;
use proto::sealed::wire::varint;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ready::keep_waker;

/// Bytes that wait in each direction at the most: half of what one turn of a link moves for one stream.
const CAPACITY: usize = 64 << 10;

/// A new pipe: the link's end and the application's.
pub(crate) fn pipe() -> (PipeEnd, PipeStream) {
    let shared = Arc::<SharedPipe>::default();
    (PipeEnd(Arc::clone(&shared)), PipeStream(shared))
}

/// The link's end.
pub(crate) struct PipeEnd(Arc<SharedPipe>);

/// The application's end of a stream: bytes to whatever the other end of the link has dialled, and back.
///
/// - Writing waits while the link does not take more: there is no other limit than its flow control.
/// - [`shutdown`](tokio::io::AsyncWriteExt::shutdown) ends this direction in order (FIN); the other goes on.
/// - Dropping it resets the stream, so that a crash is never an orderly end; unless both directions have ended in order by
///   then, and what came has been read.
/// - A stream that was reset fails with [`io::ErrorKind::ConnectionReset`], behind the bytes that came before; [`reset_code`]
///   says why.
///
/// Reading and writing are cancel safe as far as tokio's traits say so: a `read` or `write` that was dropped has moved nothing.
pub struct PipeStream(Arc<SharedPipe>);

type SharedPipe = Mutex<PipeState>;

#[derive(Debug, Default)]
struct PipeState {
    to_link: VecDeque<u8>,
    to_application: VecDeque<u8>,
    /// What the application has said of its direction.
    application: Said,
    /// What the link has said of the other.
    link: Said,
    /// The other end of the link has dialled.
    is_open: bool,
    link_waker: Option<Waker>,
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

impl PipeState {
    fn is_reset(&self) -> bool {
        matches!(self.application, Said::Reset(_)) || matches!(self.link, Said::Reset(_))
    }

    fn has_ended_in_order(&self) -> bool {
        self.application == Said::Finished && self.link == Said::Finished
    }
}

fn lock(shared: &SharedPipe) -> MutexGuard<'_, PipeState> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Releases the lock, then wakes the link, which would otherwise find it taken.
fn wake_link(state: MutexGuard<'_, PipeState>) {
    let waker = state.link_waker.clone();
    drop(state);
    waker.into_iter().for_each(Waker::wake);
}

/// The same for the application.
fn wake_application(mut state: MutexGuard<'_, PipeState>) {
    let wakers = [state.reader.take(), state.writer.take()];
    drop(state);
    wakers.into_iter().flatten().for_each(Waker::wake);
}

/// A direction that holds no bytes holds no memory.
fn free_if_empty(queue: &mut VecDeque<u8>) {
    if queue.is_empty() {
        *queue = VecDeque::new();
    }
}

impl PipeEnd {
    /// Whether there is something to read: bytes, or an end. Wakes the caller when there is.
    pub(crate) fn poll_read_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        keep_waker(&mut state.link_waker, cx.waker());
        let nothing = state.to_link.is_empty() && state.application == Said::Going;
        if nothing { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Whether bytes can be written, or the application has ended. Wakes the caller when that is so.
    pub(crate) fn poll_write_ready(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        keep_waker(&mut state.link_waker, cx.waker());
        let full = state.to_application.len() >= CAPACITY && !matches!(state.application, Said::Reset(_));
        if full { Poll::Pending } else { Poll::Ready(()) }
    }

    /// What the application has written; 0 is the end of it.
    ///
    /// # Errors
    /// `WouldBlock`: nothing now. `ConnectionReset`: the application has reset the stream.
    pub(crate) fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut state = lock(&self.0);
        match state.application {
            Said::Reset(code) => return Err(was_reset(code)),
            Said::Going if state.to_link.is_empty() => return Err(io::ErrorKind::WouldBlock.into()),
            Said::Going | Said::Finished => {}
        }
        let read = state.to_link.read_vectored(bufs)?;
        free_if_empty(&mut state.to_link);
        wake_application(state);
        Ok(read)
    }

    /// Gives the application as much as there is room for.
    ///
    /// # Errors
    /// `WouldBlock`: there is none. `ConnectionReset`: the application has reset the stream.
    pub(crate) fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = lock(&self.0);
        if let Said::Reset(code) = state.application {
            return Err(was_reset(code));
        }
        let mut written = 0;
        for buf in bufs {
            let room = CAPACITY.saturating_sub(state.to_application.len());
            written += state.to_application.write(buf.get(..room).unwrap_or(buf))?;
        }
        if written == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        wake_application(state);
        Ok(written)
    }

    /// How the application has ended, if it has: in order with nothing left to read, or by a reset. Wakes `waker` when it does.
    pub(crate) fn end(&self, waker: &Waker) -> Option<io::Result<()>> {
        let mut state = lock(&self.0);
        keep_waker(&mut state.link_waker, waker);
        match state.application {
            Said::Reset(code) => Some(Err(was_reset(code))),
            Said::Finished if state.to_link.is_empty() => Some(Ok(())),
            Said::Finished | Said::Going => None,
        }
    }

    /// Tells the application that the other end of the link has dialled.
    pub(crate) fn open(&self) {
        let mut state = lock(&self.0);
        state.is_open = true;
        wake_application(state);
    }

    /// Tells the application that nothing more comes.
    pub(crate) fn finish(&self) {
        let mut state = lock(&self.0);
        if state.link == Said::Going {
            state.link = Said::Finished;
            wake_application(state);
        }
    }

    /// Tells the application that the stream was reset, behind the bytes that are there.
    pub(crate) fn reset(&self, code: ResetCode) {
        let mut state = lock(&self.0);
        if state.is_reset() {
            return;
        }
        state.link = Said::Reset(code);
        state.to_link = VecDeque::new();
        wake_application(state);
    }
}

impl PipeStream {
    /// Waits until the other end of the link has dialled.
    ///
    /// # Errors
    /// The stream was reset instead.
    pub(crate) async fn opened(&self) -> Result<(), ResetCode> {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if state.is_open {
                // What came before a reset is there to be read.
                return Poll::Ready(Ok(()));
            }
            match state.link {
                Said::Reset(code) => Poll::Ready(Err(code)),
                Said::Going | Said::Finished => {
                    keep_waker(&mut state.reader, cx.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Ends both directions at once: whoever the stream leads to gets an RST, and `code` goes with it to the other end of the
    /// link. What was written and has not left is lost.
    pub fn reset(self, code: ResetCode) {
        // What an `X` can carry.
        self.say_reset(ResetCode::from_code(code.code().min(varint::MAX)));
    }

    fn say_reset(&self, code: ResetCode) {
        let mut state = lock(&self.0);
        if state.is_reset() || state.has_ended_in_order() && state.to_application.is_empty() {
            return;
        }
        state.application = Said::Reset(code);
        (state.to_link, state.to_application) = (VecDeque::new(), VecDeque::new());
        wake_link(state);
    }
}

impl AsyncRead for PipeStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        if state.to_application.is_empty() {
            return match state.link {
                Said::Reset(code) => Poll::Ready(Err(was_reset(code))),
                Said::Finished => Poll::Ready(Ok(())),
                Said::Going => {
                    keep_waker(&mut state.reader, cx.waker());
                    Poll::Pending
                }
            };
        }
        let read = state.to_application.read(buf.initialize_unfilled())?;
        free_if_empty(&mut state.to_application);
        wake_link(state);
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.0);
        ready!(state.may_write(cx))?;
        let room = CAPACITY - state.to_link.len();
        let written = state.to_link.write(buf.get(..room).unwrap_or(buf))?;
        wake_link(state);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The link takes what is there as fast as it can; nothing waits for more.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        if let Said::Reset(code) = state.link {
            return Poll::Ready(Err(was_reset(code)));
        }
        state.application = Said::Finished;
        wake_link(state);
        Poll::Ready(Ok(()))
    }
}

impl PipeState {
    /// Ready if there is room for at least one byte.
    fn may_write(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        match (self.link, self.application) {
            (Said::Reset(code), _) => Poll::Ready(Err(was_reset(code))),
            (_, Said::Finished | Said::Reset(_)) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            (_, Said::Going) if self.to_link.len() >= CAPACITY => {
                keep_waker(&mut self.writer, cx.waker());
                Poll::Pending
            }
            (_, Said::Going) => Poll::Ready(Ok(())),
        }
    }
}

impl Drop for PipeEnd {
    /// Whatever became of the link, the application learns that nothing goes on.
    fn drop(&mut self) {
        if !lock(&self.0).has_ended_in_order() {
            self.reset(ResetCode::Reset);
        }
    }
}

impl Drop for PipeStream {
    fn drop(&mut self) {
        self.say_reset(ResetCode::Reset);
    }
}

impl fmt::Debug for PipeEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PipeEnd")
    }
}

impl fmt::Debug for PipeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PipeStream")
    }
}

#[cfg(test)]
mod tests;
