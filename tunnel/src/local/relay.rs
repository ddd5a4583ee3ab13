//! Carries bytes between two local ends of which neither is a link's: FIN by itself in each direction, RST at once in both.

use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll, ready};

use proto::sealed::wire::frame::ResetCode;

use super::pipe::reset_code;
use super::stream::LocalStream;

/// Bytes in one turn of one direction.
const BUFFER: usize = 64 << 10;
/// Turns before other tasks of the thread get theirs.
const TURNS: usize = 16;

/// Carries until both directions have ended, or one of the two is reset: then the other is, too. The other gets `first` before what
/// comes from the one. Dropped, it resets both.
pub(crate) async fn relay(mut one: LocalStream, mut other: LocalStream, first: Vec<u8>) {
    let (mut there, mut back) = (Way { bytes: first, ..Way::default() }, Way::default());
    let ended = poll_fn(|cx| {
        let ways = [there.poll(cx, &mut one, &mut other)?, back.poll(cx, &mut other, &mut one)?];
        if ways.iter().all(Poll::is_ready) { Poll::Ready(Ok(())) } else { Poll::Pending }
    });
    let ended: io::Result<()> = ended.await;
    if let Err(error) = ended {
        let code = reset_code(&error).unwrap_or(ResetCode::Reset);
        one.abort(code);
        other.abort(code);
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// Empty while there are no bytes.
    bytes: Vec<u8>,
    written: usize,
    state: WayState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum WayState {
    #[default]
    Reading,
    /// What is there is still to be written, then the end.
    Ending,
    Ended,
}

impl Way {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut LocalStream,
        to: &mut LocalStream,
    ) -> io::Result<Poll<()>> {
        for _ in 0..TURNS {
            let step = match self.written < self.bytes.len() {
                true => self.poll_write(cx, to),
                // What cannot be given on is not taken: whoever does not read costs this process nothing.
                false if self.state == WayState::Reading => match to.poll_write_ready(cx) {
                    Poll::Ready(()) => self.poll_read(cx, from),
                    Poll::Pending => Poll::Pending,
                },
                false => {
                    if std::mem::replace(&mut self.state, WayState::Ended) == WayState::Ending {
                        to.finish();
                    }
                    return from.watch(cx.waker()).map_or(Ok(Poll::Ready(())), Err);
                }
            };
            match step {
                Poll::Ready(result) => result?,
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        cx.waker().wake_by_ref();
        Ok(Poll::Pending)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, from: &LocalStream) -> Poll<io::Result<()>> {
        ready!(from.poll_read_ready(cx));
        self.bytes.resize(BUFFER, 0);
        self.written = 0;
        let read = from.read(&mut [IoSliceMut::new(&mut self.bytes)]);
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => self.state = WayState::Ending,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, to: &mut LocalStream) -> Poll<io::Result<()>> {
        ready!(to.poll_write_ready(cx));
        match to.write(&[IoSlice::new(self.bytes.get(self.written..).unwrap_or_default())]) {
            Ok(count) => {
                to.wrote(count);
                self.written += count;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        if self.written >= self.bytes.len() {
            // Who waits holds no memory.
            (self.bytes, self.written) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::local::pipe::pipe;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap());
        let (connected, accepted) = tokio::join!(connected, listener.accept());
        (connected.unwrap(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn an_answer_behind_a_fin_arrives_and_both_end() {
        let ((mut client, near), (end, mut target)) = (pair().await, pipe());
        let relay = tokio::spawn(relay(near.into(), end.into(), Vec::new()));
        let bytes = vec![7; 300_000];
        let send = async {
            client.write_all(&bytes).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let mut read = Vec::new();
        let (_, result) = tokio::join!(send, target.read_to_end(&mut read));
        result.unwrap();
        assert!(read == bytes);
        target.write_all(b"answer").await.unwrap();
        target.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
        relay.await.unwrap();
    }

    #[tokio::test]
    async fn what_the_other_does_not_take_is_left_where_it_is() {
        let ((end, mut near), (far_end, _far)) = (pipe(), pipe());
        tokio::spawn(relay(end.into(), far_end.into(), Vec::new()));
        let mut taken = 0;
        loop {
            // The relay has this thread to itself meanwhile.
            let settled = async {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                count = near.write(&[7; 8 << 10]) => taken += count.unwrap(),
                () = settled => break,
            }
        }
        assert_eq!(taken, 128 << 10, "what two pipes hold");
    }

    #[tokio::test]
    async fn a_reset_of_one_is_a_reset_of_the_other() {
        let ((mut client, near), (end, target)) = (pair().await, pipe());
        tokio::spawn(relay(near.into(), end.into(), Vec::new()));
        target.reset(ResetCode::Idle);
        assert_eq!(client.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        let ((client, near), (end, mut target)) = (pair().await, pipe());
        tokio::spawn(relay(near.into(), end.into(), Vec::new()));
        client.set_zero_linger().unwrap();
        drop(client);
        assert_eq!(target.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}
