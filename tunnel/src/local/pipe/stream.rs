//! The application's end of a pipe.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use proto::sealed::wire::frame::ResetCode;
use proto::sealed::wire::varint;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Half, PipeSide, Said, was_reset};
use crate::ready::keep_waker;

/// The application's end of a stream: bytes to whatever the other end of the link has dialled, and back.
///
/// - Writing waits while the link does not take more: there is no other limit than its flow control.
/// - [`shutdown`](tokio::io::AsyncWriteExt::shutdown) ends this direction in order (FIN); the other goes on.
/// - [`finish`](Self::finish) does that too, and waits until the other end of the link has everything.
/// - Dropping it resets the stream, so that a crash is never an orderly end; unless both directions have ended in order by
///   then, and what came has been read.
/// - A stream that was reset fails with [`io::ErrorKind::ConnectionReset`], behind the bytes that came before; [`reset_code`](crate::session::reset_code)
///   says why.
///
/// Reading and writing are cancel safe as far as tokio's traits say so: a `read` or `write` that was dropped has moved nothing.
pub struct PipeStream(pub(super) Half);

impl PipeStream {
    /// Waits until the other end of the link has dialled.
    ///
    /// # Errors
    /// The stream was reset instead.
    pub(crate) async fn opened(&self) -> Result<(), ResetCode> {
        self.0.opened().await
    }

    /// Waits until it is reset. Cancel safe; nothing else may read it meanwhile.
    pub(crate) async fn broken(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            keep_waker(&mut state.both(self.0.side).0.reader, cx.waker());
            if state.is_reset() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Ends this direction in order, as [`shutdown`](tokio::io::AsyncWriteExt::shutdown) does, and waits until the other end of the link
    /// has acknowledged every byte that was written and the end behind them. The other direction goes on.
    ///
    /// After that nothing of it can be lost on the network, nor by closing the link: the other end hands it to the target as fast as
    /// that takes it. That the target has read it, only the target can say. There is no limit of time: while the path is down it waits.
    ///
    /// Cancel safe: the direction is ended once this was polled, and another call waits on.
    ///
    /// # Errors
    /// `ConnectionReset`: the stream was reset, or the link ended, before all was acknowledged; [`reset_code`](crate::session::reset_code) says why.
    pub async fn finish(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// [`finish`](Self::finish) as a poll.
    ///
    /// # Errors
    /// See there.
    pub fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        if own.is_delivered {
            return Poll::Ready(Ok(()));
        }
        match other.said {
            Said::Reset(code) => return Poll::Ready(Err(was_reset(code))),
            Said::Going | Said::Finished if other.is_gone => {
                return Poll::Ready(Err(was_reset(ResetCode::Reset)));
            }
            Said::Going | Said::Finished => keep_waker(&mut own.writer, cx.waker()),
        }
        if std::mem::replace(&mut own.said, Said::Finished) == Said::Going {
            self.0.wake_other(state);
        }
        Poll::Pending
    }

    /// Ends both directions at once: whoever the stream leads to gets an RST, and `code` goes with it to the other end of the
    /// link. What was written and has not left is lost.
    pub fn reset(self, code: ResetCode) {
        // What an `X` can carry.
        self.say_reset(ResetCode::from_code(code.code().min(varint::MAX)));
    }

    fn say_reset(&self, code: ResetCode) {
        let mut state = self.0.lock();
        let is_over = state.has_ended_in_order() && state.both(self.0.side).0.incoming.is_empty();
        if state.is_reset() || is_over {
            return;
        }
        let (own, other) = state.both(self.0.side);
        own.said = Said::Reset(code);
        own.incoming.clear();
        other.incoming.clear();
        self.0.wake_other(state);
    }
}

impl AsyncRead for PipeStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        if own.incoming.is_empty() {
            return match other.said {
                Said::Reset(code) => Poll::Ready(Err(was_reset(code))),
                Said::Finished => Poll::Ready(Ok(())),
                Said::Going => {
                    keep_waker(&mut own.reader, cx.waker());
                    Poll::Pending
                }
            };
        }
        let read = own.incoming.read([buf.initialize_unfilled()]);
        self.0.wake_other(state);
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        ready!(may_write(own, other, cx))?;
        let written = other.incoming.write([buf]);
        self.0.wake_other(state);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The link takes what is there as fast as it can; nothing waits for more.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let (own, other) = state.both(self.0.side);
        if let Said::Reset(code) = other.said {
            return Poll::Ready(Err(was_reset(code)));
        }
        own.said = Said::Finished;
        self.0.wake_other(state);
        Poll::Ready(Ok(()))
    }
}

/// Ready if there is room for at least one byte.
fn may_write(own: &mut PipeSide, other: &PipeSide, cx: &Context<'_>) -> Poll<io::Result<()>> {
    match (other.said, own.said) {
        (Said::Reset(code), _) => Poll::Ready(Err(was_reset(code))),
        (_, Said::Finished | Said::Reset(_)) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        (_, Said::Going) if other.incoming.room() == 0 => {
            keep_waker(&mut own.writer, cx.waker());
            Poll::Pending
        }
        (_, Said::Going) => Poll::Ready(Ok(())),
    }
}

impl Drop for PipeStream {
    fn drop(&mut self) {
        self.say_reset(ResetCode::Reset);
    }
}

impl fmt::Debug for PipeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PipeStream")
    }
}
