//! One who has the file, as the downloader sees it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use paso::Link;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::ending::end_in_order;
use crate::hash::{BlockHash, FileId, blocks_of};
use crate::wire::peer::{PeerRequest, status};

/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// How long a holder may send nothing.
const SILENCE: Duration = Duration::from_secs(20);

/// A length as a text is no longer.
const MAX_LENGTH_TEXT: usize = 20;

/// A connection to somebody, over the link or over TCP.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection for S {}

/// Where somebody is.
#[derive(Clone, Debug)]
pub enum Address {
    /// At a published name.
    Named(Link, String),
    /// At an address.
    At(SocketAddr),
}

impl Address {
    /// Connects to it.
    ///
    /// # Errors
    /// It is not there, or not in time.
    pub async fn connect(&self) -> io::Result<Box<dyn Connection>> {
        let connecting = async {
            Ok::<Box<dyn Connection>, io::Error>(match self {
                Self::Named(link, name) => Box::new(link.open(&format!("@{name}")).await?),
                Self::At(address) => Box::new(TcpStream::connect(address).await?),
            })
        };
        timeout(CONNECT_WITHIN, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// A connection to somebody who has the file.
pub struct Holder {
    stream: Box<dyn Connection>,
    id: FileId,
}

impl Holder {
    /// Connects.
    ///
    /// # Errors
    /// As [`Address::connect`].
    pub async fn connect(address: &Address, id: FileId) -> io::Result<Self> {
        Ok(Self { stream: address.connect().await?, id })
    }

    /// The hashes of all blocks: those whose hash the file is known by.
    ///
    /// # Errors
    /// It does not have the file, or what it sends is something else.
    pub async fn hashes(&mut self, size: u64) -> io::Result<Vec<BlockHash>> {
        let blocks = blocks_of(size).ok_or_else(|| invalid("the file is too large"))?;
        self.send(&PeerRequest::Hashes { id: self.id }).await?;
        let bytes = self.receive(blocks as usize * size_of::<BlockHash>()).await?;
        let (hashes, _) = bytes.as_chunks();
        if FileId::of_hashes(hashes) != self.id {
            return Err(invalid("its hashes are those of another file"));
        }
        Ok(hashes.to_vec())
    }

    /// Asks for a block; several may be asked for before the first is there.
    ///
    /// # Errors
    /// It is gone.
    pub async fn ask(&mut self, block: u32) -> io::Result<()> {
        self.send(&PeerRequest::Block { id: self.id, block }).await
    }

    /// The block that was asked for first, which has this length.
    ///
    /// # Errors
    /// It is gone, silent, or does not have it.
    pub async fn receive(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if self.read_byte().await? != status::DONE {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it does not have the file"));
        }
        if read_length(self).await? != length as u64 {
            return Err(invalid("it sends another length"));
        }
        let mut bytes = vec![0; length];
        let mut at = 0;
        while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
            at += self.read(rest).await?;
        }
        Ok(bytes)
    }

    /// Nothing more is asked of it.
    pub fn end(self) {
        tokio::spawn(end_in_order(self.stream, SILENCE));
    }

    async fn send(&mut self, request: &PeerRequest) -> io::Result<()> {
        in_time(self.stream.write_all(&request.to_bytes())).await
    }

    async fn read_byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.read(&mut byte).await?;
        let [byte] = byte;
        Ok(byte)
    }

    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match in_time(self.stream.read(bytes)).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => Ok(length),
        }
    }
}

async fn read_length(holder: &mut Holder) -> io::Result<u64> {
    let mut text = String::new();
    loop {
        match holder.read_byte().await? {
            0 => return text.parse().map_err(|_| invalid("it sends no length")),
            byte if text.len() < MAX_LENGTH_TEXT => text.push(char::from(byte)),
            _ => return Err(invalid("it sends no length")),
        }
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(SILENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
