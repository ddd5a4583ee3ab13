//! A flow inside this process: two bounded queues of datagrams. Both ends are alike, so that it also joins two links.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use proto::sealed::wire::frame::ResetCode;

use super::queue::DatagramQueue;
use super::{Delivery, FlowEnded, MAX_DATAGRAM};
use crate::local::pipe::was_reset;
use crate::ready::keep_waker;

/// A new pipe: its two ends.
pub(crate) fn flow_pipe() -> (FlowEnd, FlowEnd) {
    let shared = Arc::<SharedPipe>::default();
    (FlowEnd { shared: Arc::clone(&shared), side: Side::Left }, FlowEnd { shared, side: Side::Right })
}

/// One end. Dropped, it ends the flow in order: there is nothing like an RST for datagrams.
pub(crate) struct FlowEnd {
    shared: Arc<SharedPipe>,
    side: Side,
}

/// The application's end of a flow: datagrams to whatever the other end of the link has dialled, and back.
///
/// It is what UDP is: datagrams arrive whole, once or not at all, and may overtake each other. What nobody takes out with
/// [`recv`](Self::recv) is kept up to 128 KiB; what comes beyond that is dropped. A flow that carries nothing for a minute
/// (the option `--udp-idle` of either end) is over. Dropping it ends the flow.
#[derive(Debug)]
pub struct UdpStream(FlowEnd);

type SharedPipe = Mutex<PipeState>;

#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
}

#[derive(Debug, Default)]
struct PipeState {
    left: Inbox,
    right: Inbox,
    /// The other end of the link has dialled.
    is_open: bool,
    ended: Option<FlowEnded>,
}

/// What waits for one side, and who waits.
#[derive(Debug, Default)]
struct Inbox {
    queue: DatagramQueue,
    /// For a datagram.
    receiver: Option<Waker>,
    /// The other side, for room.
    sender: Option<Waker>,
}

impl PipeState {
    const fn inbox(&mut self, of: Side) -> &mut Inbox {
        match of {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    fn wakers(&mut self) -> [Option<Waker>; 4] {
        let Self { left, right, .. } = self;
        [left.receiver.take(), left.sender.take(), right.receiver.take(), right.sender.take()]
    }
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl FlowEnd {
    fn lock(&self) -> MutexGuard<'_, PipeState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next datagram from the other end; wakes when there is one.
    ///
    /// # Errors
    /// How the flow has ended, behind the datagrams that came before.
    pub(crate) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Result<Vec<u8>, FlowEnded>> {
        let mut state = self.lock();
        let ended = state.ended;
        let inbox = state.inbox(self.side);
        if let Some(datagram) = inbox.queue.pop() {
            let sender = inbox.sender.take();
            drop(state);
            sender.into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(datagram));
        }
        if let Some(ended) = ended {
            return Poll::Ready(Err(ended));
        }
        keep_waker(&mut inbox.receiver, cx.waker());
        Poll::Pending
    }

    /// Gives the other end a datagram, or drops it. Before the other end of the link has dialled there is nothing that it could answer,
    /// and a peer that sends all the same must not fill a queue that nobody reads yet.
    pub(crate) fn deliver(&self, datagram: &[u8]) -> Delivery {
        if !self.lock().is_open {
            return Delivery::Full;
        }
        match self.try_send(datagram) {
            Ok(true) => Delivery::Taken,
            Ok(false) => Delivery::Full,
            Err(_) => Delivery::Unreachable,
        }
    }

    /// Gives the other end a datagram, if there is room.
    fn try_send(&self, datagram: &[u8]) -> Result<bool, FlowEnded> {
        let mut state = self.lock();
        if let Some(ended) = state.ended {
            return Err(ended);
        }
        let inbox = state.inbox(self.side.other());
        let taken = inbox.queue.push(datagram);
        let receiver = inbox.receiver.take().filter(|_| taken);
        drop(state);
        receiver.into_iter().for_each(Waker::wake);
        Ok(taken)
    }

    /// Ready if there is room for a datagram of `length` bytes, or never will be.
    fn poll_room(&self, cx: &Context<'_>, length: usize) -> Poll<()> {
        let mut state = self.lock();
        let ended = state.ended.is_some();
        let inbox = state.inbox(self.side.other());
        if ended || inbox.queue.has_room(length) {
            return Poll::Ready(());
        }
        keep_waker(&mut inbox.sender, cx.waker());
        Poll::Pending
    }

    /// The other end of the link has dialled.
    pub(crate) fn open(&self) {
        let mut state = self.lock();
        state.is_open = true;
        let wakers = state.wakers();
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Waits until the other end of the link has dialled. Cancel safe.
    ///
    /// # Errors
    /// The flow was refused instead.
    pub(crate) async fn opened(&self) -> Result<(), ResetCode> {
        let opened = poll_fn(|cx| self.poll_opened(cx)).await;
        opened.map_err(|ended| match ended {
            FlowEnded::Reset(code) => code,
            FlowEnded::InOrder => ResetCode::Reset,
        })
    }

    /// Ready when the other end of the link has dialled, or the flow has ended instead.
    fn poll_opened(&self, cx: &Context<'_>) -> Poll<Result<(), FlowEnded>> {
        let mut state = self.lock();
        match (state.is_open, state.ended) {
            (true, _) => Poll::Ready(Ok(())),
            (false, Some(ended)) => Poll::Ready(Err(ended)),
            (false, None) => {
                keep_waker(&mut state.inbox(self.side).receiver, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Ends the flow. What is in the queues can still be taken; only the first end counts.
    pub(crate) fn end(&self, how: FlowEnded) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(how);
        state.inbox(self.side).queue.clear();
        let wakers = state.wakers();
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Drop for FlowEnd {
    fn drop(&mut self) {
        self.end(FlowEnded::InOrder);
    }
}

impl fmt::Debug for FlowEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FlowEnd").field(&self.side).finish()
    }
}

impl UdpStream {
    pub(crate) const fn new(end: FlowEnd) -> Self {
        Self(end)
    }

    /// Sends a datagram of at most [`MAX_DATAGRAM`] bytes; it may be empty. Waits only while the link has not yet taken those that
    /// were sent before. That it was taken does not say that it arrives. One task at a time may wait to send: of several the last is woken.
    ///
    /// Cancel safe: a datagram that was not sent is not sent in part.
    ///
    /// # Errors
    /// `InvalidInput`: it is too large. `BrokenPipe`: the flow is over. `ConnectionReset`: it was reset;
    /// [`reset_code`](crate::session::reset_code) says why.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<()> {
        loop {
            match self.try_send(datagram) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            poll_fn(|cx| self.0.poll_room(cx, datagram.len())).await;
        }
    }

    /// The same, without waiting.
    ///
    /// # Errors
    /// As for [`send`](Self::send), and `WouldBlock`: the link has not yet taken those that were sent before.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<()> {
        if datagram.len() > MAX_DATAGRAM {
            let text = format!("a datagram has at most {MAX_DATAGRAM} bytes, not {}", datagram.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        match self.0.try_send(datagram) {
            Ok(true) => Ok(()),
            Ok(false) => Err(io::ErrorKind::WouldBlock.into()),
            Err(ended) => Err(error(ended, io::ErrorKind::BrokenPipe)),
        }
    }

    /// The next datagram. One task at a time may wait for it: of several the last that asked is woken.
    ///
    /// Cancel safe: a datagram that was not returned is not lost.
    ///
    /// # Errors
    /// `UnexpectedEof`: the flow is over, as nothing came for too long or the other end has ended it. `ConnectionReset`: it was
    /// reset; [`reset_code`](crate::session::reset_code) says why.
    pub async fn recv(&self) -> io::Result<Vec<u8>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// [`recv`](Self::recv) as a poll.
    ///
    /// # Errors
    /// See there.
    pub fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        self.0.poll_recv(cx).map_err(|ended| error(ended, io::ErrorKind::UnexpectedEof))
    }
}

fn error(ended: FlowEnded, in_order: io::ErrorKind) -> io::Error {
    match ended {
        FlowEnded::Reset(code) => was_reset(code),
        FlowEnded::InOrder => io::Error::new(in_order, "the flow of datagrams is over"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::pipe::reset_code;

    fn streams() -> (UdpStream, UdpStream) {
        let (left, right) = flow_pipe();
        (UdpStream::new(left), UdpStream::new(right))
    }

    #[tokio::test]
    async fn datagrams_keep_their_bounds_both_ways() {
        let (left, right) = streams();
        for datagram in [b"".as_slice(), b"hola", &[7; MAX_DATAGRAM]] {
            left.send(datagram).await.unwrap();
            assert_eq!(right.recv().await.unwrap(), datagram);
            right.send(datagram).await.unwrap();
            assert_eq!(left.recv().await.unwrap(), datagram);
        }
        let error = left.send(&[0; MAX_DATAGRAM + 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn a_sender_waits_for_room_and_a_link_does_not() {
        let (left, right) = streams();
        assert_eq!(left.0.deliver(&[1; 1_000]), Delivery::Full, "nobody has dialled");
        left.0.open();
        let fit = (0..).take_while(|_| left.0.deliver(&[1; 1_000]) == Delivery::Taken).count();
        assert!((100..130).contains(&fit), "{fit}");
        assert_eq!(left.try_send(&[2; 1_000]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let (sent, first) = tokio::join!(left.send(&[2; 1_000]), right.recv());
        sent.unwrap();
        assert_eq!(first.unwrap(), [1; 1_000]);
    }

    #[tokio::test]
    async fn an_end_comes_behind_what_was_sent() {
        let (left, right) = streams();
        left.send(b"last").await.unwrap();
        drop(left);
        assert_eq!(right.recv().await.unwrap(), b"last");
        assert_eq!(right.recv().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(right.send(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let (left, right) = streams();
        left.0.end(FlowEnded::Reset(ResetCode::Forbidden));
        assert_eq!(right.0.opened().await, Err(ResetCode::Forbidden));
        assert_eq!(reset_code(&right.recv().await.unwrap_err()), Some(ResetCode::Forbidden));
    }
}
