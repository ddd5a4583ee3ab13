//! Targets that behave, and targets that do not.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
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
    /// Resets the connection after so many bytes.
    ResetAfter(usize),
    /// Echoes so many bytes and then closes in order.
    CloseAfter(usize),
    /// Sends so many dots, whatever it is told, and nothing more.
    SayDots(usize),
    /// Reads 4 KiB every so often and sends nothing.
    ReadSlowly(Duration),
    /// Reads nothing and sends nothing.
    Deaf,
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
        Self::start_on(([127, 0, 0, 1], 0).into(), manner).await.expect("loopback has free ports")
    }

    /// Starts one elsewhere.
    ///
    /// # Errors
    /// It cannot listen there.
    ///
    /// # Panics
    /// Never.
    pub async fn start_on(listen: SocketAddr, manner: Manner) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
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
        Ok(Self { address, ended, _task: task })
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

/// An address that answers no connection: a listener whose queue is full, and what must be kept for as long.
///
/// # Panics
/// When loopback has no free port, or when this system answers in spite of a full queue.
pub async fn silent_address() -> (SocketAddr, impl Sized) {
    /// An answer of loopback comes before so many connections to another listener, made one after the other.
    const FENCE: usize = 50;
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be had");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback has free ports");
    listener.listen(1).expect("it is bound");
    let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound");
    let other = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let mut waiting = Vec::new();
    for _ in 0..16 {
        let fence = async {
            for _ in 0..FENCE {
                let connect = TcpStream::connect(other.local_addr().expect("it is bound"));
                tokio::try_join!(connect, other.accept()).expect("it listens");
            }
        };
        tokio::select! {
            connected = TcpStream::connect(address) => waiting.push(connected.expect("nothing refuses there")),
            () = fence => return (address, (listener, waiting)),
        }
    }
    panic!("a listener with a queue of one took sixteen connections");
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
        Manner::ReplyAtEnd => {
            let mut data = Vec::new();
            stream.read_to_end(&mut data).await?;
            data.extend(b"bye");
            stream.write_all(&data).await
        }
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
        Manner::SayDots(count) => {
            stream.write_all(&vec![b'.'; count]).await?;
            until_broken(stream).await
        }
        Manner::Deaf => until_broken(stream).await,
        Manner::ReadSlowly(pause) => {
            let mut data = vec![0; 4_096];
            while stream.read(&mut data).await? > 0 {
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
    }
}

async fn until_broken(stream: TcpStream) -> std::io::Result<()> {
    stream.ready(Interest::ERROR).await?;
    Err(stream.take_error()?.unwrap_or_else(|| std::io::ErrorKind::ConnectionReset.into()))
}
