//! Targets that behave, and targets that do not.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What a target does with each connection.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Sends everything back.
    Echo,
    /// Sends a reply when the client has closed its sending direction: what arrived, and then `bye`.
    ReplyAtEnd,
    /// The same so much later: a server that has to think.
    ReplyLate(Duration),
    /// Resets the connection after so many bytes.
    ResetAfter(usize),
    /// Echoes so many bytes and then closes in order.
    CloseAfter(usize),
    /// Sends a byte every so often, until the connection ends.
    Talk(Duration),
    /// Reads 4 KiB every so often and sends nothing.
    ReadSlowly(Duration),
}

/// A TCP server on a free port of loopback. Ends when it is dropped.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    ended: mpsc::UnboundedReceiver<bool>,
    _task: JoinSet<()>,
}

impl Target {
    /// Starts one.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let (tell, ended) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let tell = tell.clone();
                connections.spawn(async move {
                    _ = tell.send(serve(stream, manner).await.is_ok());
                });
            }
        });
        Self { address, ended, _task: task }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until one more connection has ended, seen from here: whether in order (else with a reset).
    ///
    /// # Panics
    /// When none does for ten seconds.
    pub async fn connection_ended(&mut self) -> bool {
        let ended = tokio::time::timeout(Duration::from_secs(10), self.ended.recv()).await;
        ended.ok().flatten().expect("a connection ends at the target")
    }
}

/// An address where nobody listens: bound a moment ago, and closed again.
///
/// # Panics
/// When loopback has no free port.
#[must_use]
pub fn refusing_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound")
}

/// Closes a connection with a reset.
///
/// # Panics
/// When the socket is broken already.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("the socket is open");
}

async fn serve(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    match manner {
        Manner::Echo => {
            let (mut reading, mut writing) = stream.split();
            tokio::io::copy(&mut reading, &mut writing).await?;
            writing.shutdown().await
        }
        Manner::ReplyAtEnd => reply_at_end(stream, Duration::ZERO).await,
        Manner::ReplyLate(thought) => reply_at_end(stream, thought).await,
        Manner::ResetAfter(length) => {
            stream.read_exact(&mut vec![0; length]).await?;
            reset(stream);
            Ok(())
        }
        Manner::CloseAfter(length) => {
            let mut data = vec![0; length];
            stream.read_exact(&mut data).await?;
            stream.write_all(&data).await?;
            stream.shutdown().await
        }
        Manner::Talk(pause) => loop {
            stream.write_all(b".").await?;
            tokio::time::sleep(pause).await;
        },
        Manner::ReadSlowly(pause) => {
            let mut data = vec![0; 4_096];
            while stream.read(&mut data).await? > 0 {
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
    }
}

async fn reply_at_end(mut stream: TcpStream, thought: Duration) -> std::io::Result<()> {
    let mut data = Vec::new();
    stream.read_to_end(&mut data).await?;
    tokio::time::sleep(thought).await;
    data.extend(b"bye");
    stream.write_all(&data).await
}
