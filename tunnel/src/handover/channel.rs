//! The tasks that read and write what two processes tell each other.
//!
//! Datagrams that the other does not take in time are dropped, as a router drops them whose queue is full; what else is said is
//! never dropped, and bounded by what causes it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

use super::Channel;
use super::wire::{HEAD, MAX_BODY, Message, NotAMessage, PassedBatch};

/// Bytes of datagrams that may wait to be written: what the queue of a link holds.
const WAITING: usize = 8 << 20;
/// As so many bytes the shortest of them counts, so that 4,096 may wait: many short ones would take seconds, and more memory than they are
/// long.
const LEAST: usize = 2 << 10;
/// Bytes up to which messages are written together.
const TOGETHER: usize = 64 << 10;
/// How long the last of what is said may take to be written.
const END_PATIENCE: Duration = Duration::from_millis(200);
/// Messages that may wait to be looked at; what follows waits in the socket.
const UNREAD: usize = 64;

/// What the other process says; `None` when it is gone.
pub(crate) type Incoming = mpsc::Receiver<Message>;

/// The way to the other process. Ends with the value.
#[derive(Debug)]
pub(crate) struct Outgoing {
    messages: mpsc::UnboundedSender<Vec<u8>>,
    /// Bytes that wait.
    waiting: Arc<AtomicUsize>,
    writing: JoinSet<()>,
    _reading: JoinSet<()>,
}

impl Outgoing {
    /// Says something.
    pub(crate) fn say(&self, message: &Message) {
        self.put(message.to_bytes());
    }

    /// Passes datagrams on. False if too many wait already: these are lost.
    #[must_use]
    pub(crate) fn pass(&self, batch: PassedBatch) -> bool {
        self.say_if_heard(&Message::Datagrams(batch))
    }

    /// Says what may as well be lost. False if it is: too much waits already.
    #[must_use]
    pub(crate) fn say_if_heard(&self, message: &Message) -> bool {
        if self.waiting.load(Ordering::Relaxed) >= WAITING {
            return false;
        }
        self.put(message.to_bytes());
        true
    }

    /// Waits until all that was said has been written, but not for long.
    pub(crate) async fn finish(self) {
        let Self { messages, mut writing, .. } = self;
        drop(messages);
        let all = async { while writing.join_next().await.is_some() {} };
        let _ = timeout(END_PATIENCE, all).await;
    }

    fn put(&self, bytes: Vec<u8>) {
        self.waiting.fetch_add(weight(&bytes), Ordering::Relaxed);
        // Where the other is gone nobody misses it.
        let _ = self.messages.send(bytes);
    }
}

/// Begins to read and to write.
///
/// # Panics
/// Outside a runtime.
pub(crate) fn start(channel: Channel) -> (Outgoing, Incoming) {
    let (mut reading, mut writing) = (JoinSet::new(), JoinSet::new());
    let (messages, to_write) = mpsc::unbounded_channel();
    let (read, incoming) = mpsc::channel(UNREAD);
    let waiting = Arc::<AtomicUsize>::default();
    #[cfg(unix)]
    {
        let (reader, writer) = channel.stream.into_split();
        reading.spawn(read_all(reader, read));
        writing.spawn(write_all(writer, to_write, Arc::clone(&waiting)));
    }
    #[cfg(not(unix))]
    drop((channel, to_write, read, &mut reading, &mut writing));
    (Outgoing { messages, waiting, writing, _reading: reading }, incoming)
}

#[cfg_attr(not(unix), expect(dead_code, reason = "there descriptors cannot be passed"))]
async fn read_all(reader: impl AsyncRead + Unpin, to: mpsc::Sender<Message>) {
    let mut reader = BufReader::with_capacity(2 * MAX_BODY, reader);
    loop {
        match read(&mut reader).await {
            Ok(message) => {
                if to.send(message).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::UnexpectedEof {
                    debug!(%error, "the connection with the other proxy2 is over");
                }
                return;
            }
        }
    }
}

async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
    let no_message = |why: NotAMessage| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut head = [0; HEAD];
    reader.read_exact(&mut head).await?;
    let [a, b, c, d, kind] = head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > MAX_BODY {
        return Err(no_message(NotAMessage));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    Message::parse(kind, body).map_err(no_message)
}

#[cfg_attr(not(unix), expect(dead_code, reason = "there descriptors cannot be passed"))]
async fn write_all(
    mut writer: impl AsyncWrite + Unpin,
    mut messages: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
) {
    while let Some(mut bytes) = messages.recv().await {
        let mut weighs = weight(&bytes);
        while bytes.len() < TOGETHER
            && let Ok(more) = messages.try_recv()
        {
            weighs += weight(&more);
            bytes.extend(more);
        }
        let written = writer.write_all(&bytes).await;
        waiting.fetch_sub(weighs, Ordering::Relaxed);
        if written.is_err() {
            // The reader notices, too. What comes is not kept.
            messages.close();
        }
    }
}

fn weight(bytes: &[u8]) -> usize {
    bytes.len().max(LEAST)
}

#[cfg(all(test, unix))]
mod tests {
    use std::net::SocketAddr;

    use tokio::net::UnixStream;

    use super::*;
    use proto::sealed::wire::ecn::Ecn;

    fn batch(bytes: usize) -> PassedBatch {
        let remote = SocketAddr::from(([192, 0, 2, 1], 9));
        PassedBatch {
            socket: 0,
            remote,
            local: None,
            stride: 1_000,
            ecn: Ecn::Capable,
            bytes: vec![7; bytes],
        }
    }

    #[tokio::test]
    async fn what_one_says_the_other_hears_in_order() {
        let (here, there) = UnixStream::pair().unwrap();
        let [(out, _), (_other, mut incoming)] =
            [here, there].map(|stream| start(Channel::new(stream, 1, Vec::new())));
        out.say(&Message::Ready);
        assert!(out.pass(batch(60_000)));
        out.say(&Message::Figures { links: 1, streams: 2 });
        assert_eq!(incoming.recv().await, Some(Message::Ready));
        assert_eq!(incoming.recv().await, Some(Message::Datagrams(batch(60_000))));
        assert_eq!(incoming.recv().await, Some(Message::Figures { links: 1, streams: 2 }));
        drop(out);
        assert_eq!(incoming.recv().await, None, "that it is gone is noticed");
    }

    #[tokio::test]
    async fn datagrams_that_nobody_takes_are_dropped_and_bounded() {
        let (here, _there) = UnixStream::pair().unwrap();
        let (out, _incoming) = start(Channel::new(here, 1, Vec::new()));
        let passed = (0..1_000).filter(|_| out.pass(batch(60_000))).count();
        assert!((100..200).contains(&passed), "{passed} of 60 kB each");
        out.say(&Message::Ready);
    }

    #[tokio::test]
    async fn short_ones_that_nobody_takes_are_few_and_what_can_be_said_later_is_dropped_too() {
        let (here, _there) = UnixStream::pair().unwrap();
        let (out, _incoming) = start(Channel::new(here, 1, Vec::new()));
        let passed = (0..100_000).filter(|_| out.pass(batch(40))).count();
        assert_eq!(passed, WAITING / LEAST);
        assert!(!out.say_if_heard(&Message::Figures { links: 1, streams: 2 }));
    }

    #[tokio::test]
    async fn many_short_ones_arrive_in_order_and_make_room() {
        let (here, there) = UnixStream::pair().unwrap();
        let [(out, _), (_other, mut incoming)] =
            [here, there].map(|stream| start(Channel::new(stream, 1, Vec::new())));
        for _ in 0..3 {
            for streams in 0..3_000 {
                assert!(out.say_if_heard(&Message::Figures { links: 1, streams }));
            }
            for streams in 0..3_000 {
                assert_eq!(incoming.recv().await, Some(Message::Figures { links: 1, streams }));
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_message_ends_the_connection() {
        for bytes in [&[0, 0, 0, 1, 1, 7][..], &[255; 5], &[0, 0, 0, 0, 200]] {
            let (mut here, there) = UnixStream::pair().unwrap();
            let (_out, mut incoming) = start(Channel::new(there, 1, Vec::new()));
            here.write_all(bytes).await.unwrap();
            assert_eq!(incoming.recv().await, None, "{bytes:?}");
        }
    }
}
