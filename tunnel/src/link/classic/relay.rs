//! The TCP side of one stream: what the link brings is written to it, what it sends is read into datagrams.
//!
//! The two directions are independent: an end of one says nothing about the other.

use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use socket2::SockRef;
use tokio::net::TcpStream;

use super::queue::{Queue, QueueBudget};
use crate::ready::{Ready, StreamWaker};
use crate::tcp_options;

/// One TCP connection and what waits to be written to it.
#[derive(Debug)]
pub(super) struct Relay {
    tcp: TcpStream,
    queue: Queue,
    waker: Waker,
    stream_waker: Arc<StreamWaker>,
}

/// What a read brought.
#[derive(Debug)]
pub(super) enum Read {
    /// So many bytes, at least 1.
    Data(usize),
    /// The connection's other end will send nothing more.
    End,
}

impl Relay {
    /// From so many bytes on a copy of them costs more than a write: those of one receive buffer that is full of merged
    /// datagrams.
    const WORTH_A_WRITE: usize = 32 << 10;

    /// Wraps a connection; it wakes `key` of `ready`. At most `limit` bytes wait to be written.
    pub(super) fn new(tcp: TcpStream, limit: usize, ready: &Arc<Ready>, key: usize) -> Self {
        let (waker, stream_waker) = ready.waker(key);
        Self { tcp, queue: Queue::new(limit), waker, stream_waker }
    }

    /// To be called before looking at a woken stream.
    pub(super) fn rearm(&self) {
        self.stream_waker.rearm();
    }

    /// Reads what is there into `bufs`, in order.
    ///
    /// # Errors
    /// The connection is broken; it was reset, for example.
    pub(super) fn poll_read(&self, bufs: &mut [IoSliceMut<'_>]) -> Poll<io::Result<Read>> {
        let mut cx = Context::from_waker(&self.waker);
        loop {
            ready!(self.tcp.poll_read_ready(&mut cx))?;
            match self.tcp.try_read_vectored(bufs) {
                Ok(0) => return Poll::Ready(Ok(Read::End)),
                Ok(count) => return Poll::Ready(Ok(Read::Data(count))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Lets `parts` wait behind what waits already, for [`Relay::poll_flush`] to write. Where they are much, or there is
    /// no room for them, they are written at once, see [`Relay::write`].
    ///
    /// A write costs as much as some receives, and while a sender that nothing holds back fills the UDP socket, what counts
    /// is how soon that is emptied.
    ///
    /// # Errors
    /// The connection is broken.
    pub(crate) fn put(&mut self, parts: &[IoSlice<'_>], budget: &mut QueueBudget) -> io::Result<usize> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len >= Self::WORTH_A_WRITE || !self.queue.has_room(len, budget) {
            return self.write(parts, budget);
        }
        let put = parts.iter().all(|part| self.queue.push(part, budget));
        debug_assert!(put, "there was room for all of them");
        Ok(0)
    }

    /// Writes `parts` behind what waits already; what the connection does not take at once waits. Says how many of the
    /// parts were dropped, whole or in part, because a bound was reached.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn write(&mut self, parts: &[IoSlice<'_>], budget: &mut QueueBudget) -> io::Result<usize> {
        // What waits may only wait for somebody to write it.
        let _ = self.poll_flush(budget)?;
        let mut written = if self.queue.is_empty() { self.write_now(parts)? } else { 0 };
        let mut dropped = 0;
        for part in parts {
            let rest = part.get(written..).unwrap_or_default();
            written = written.saturating_sub(part.len());
            if !rest.is_empty() && !self.queue.push(rest, budget) {
                dropped += 1;
            }
        }
        if !self.queue.is_empty() {
            // Asks to be woken when the connection takes more; it may do so by now.
            let _ = self.poll_flush(budget)?;
        }
        Ok(dropped)
    }

    /// Writes what waits. Ready when nothing does.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) fn poll_flush(&mut self, budget: &mut QueueBudget) -> Poll<io::Result<()>> {
        let mut cx = Context::from_waker(&self.waker);
        while !self.queue.is_empty() {
            ready!(self.tcp.poll_write_ready(&mut cx))?;
            match self.tcp.try_write_vectored(&self.queue.slices()) {
                Ok(count) => self.queue.pop(count, budget),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// How many bytes wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Tells the connection's other end that nothing more will come.
    pub(super) fn finish(&self) {
        tcp_options::end_in_order(&SockRef::from(&self.tcp));
    }

    /// Gives back what waits, unwritten. To be called before dropping the relay.
    pub(super) fn discard(&mut self, budget: &mut QueueBudget) {
        self.queue.clear(budget);
    }

    /// How much of `parts` the connection takes without waiting, in bytes.
    fn write_now(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.tcp.try_write_vectored(parts) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }
}
