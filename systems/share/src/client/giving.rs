//! Serves the published files to others.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use paso::Listener;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::fetch::Sized;
use super::published::{Published, PublishedFiles};
use crate::admission::{Admission, Admitted, Share, Source};
use crate::callers::serve_each;
use crate::ending::end_in_order;
use crate::hash::block_range;
use crate::multifile::holder::Connection;
use crate::multifile::partial::read_at;
use crate::wire::peer::{PeerRequest, PeerRequestReader, status};

/// How many connections there are; more are reset. Each holds a piece of what it is given, so that all hold 64 MiB. None waits for another:
/// who reads slowly, as it may, would keep others from what is theirs.
const CLIENTS: Share = Share { all: 1_024, each: 256 };

/// The same over plain TCP, where all of one machine have one address and nobody proves who it is.
const PLAIN_CLIENTS: Share = Share { all: 256, each: 256 };

/// For how many the disk is read at a time, a thread each; it takes moments, whatever the clients do.
const READS: Share = Share { all: 64, each: 16 };

/// The same over plain TCP.
const PLAIN_READS: Share = Share { all: 64, each: 64 };

/// How long a request may take to arrive, from the answer before it to its last byte.
const REQUEST_WITHIN: Duration = Duration::from_secs(60);

/// How long a client may take nothing of what it asked for.
const STUCK: Duration = Duration::from_secs(60);

/// How much is read and written at a time, so that a slow client is told from one that is stuck, and holds no more than that.
const PIECE: usize = 64 << 10;

/// How long it waits after a connection that was not accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served, and how.
#[derive(Clone, Debug)]
pub(super) struct Giving {
    files: PublishedFiles,
    sized: Sized,
}

impl Giving {
    pub(super) const fn new(files: PublishedFiles, sized: Sized) -> Self {
        Self { files, sized }
    }

    /// Serves those who come to a name, until the link ends.
    pub(super) async fn serve_named(self, listener: Listener) {
        let places = Arc::new(Admission::new(CLIENTS, READS));
        serve_each(listener, places, |stream, _, place| self.clone().attend(stream, place)).await;
    }

    /// Serves those who come over plain TCP.
    pub(super) async fn serve_plain(self, listener: TcpListener) {
        let places = Arc::new(Admission::new(PLAIN_CLIENTS, PLAIN_READS));
        let mut clients = JoinSet::new();
        loop {
            while clients.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, from)) => {
                    if let Some(place) = places.admit(Source::Address(from.ip())) {
                        clients.spawn(self.clone().attend(stream, place));
                    }
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    async fn attend(self, stream: impl Connection, place: Admitted) {
        let ended = self.serve(stream, &place).await;
        tracing::debug!(error = ?ended.err(), "a client has been served");
    }

    async fn serve(&self, mut stream: impl Connection, place: &Admitted) -> io::Result<()> {
        let (mut reader, mut buffer) = (PeerRequestReader::default(), [0; 1024]);
        let mut request_by = Instant::now() + REQUEST_WITHIN;
        loop {
            let length = by(request_by, stream.read(&mut buffer)).await?;
            if length == 0 {
                return end_in_order(stream, STUCK).await;
            }
            let mut bytes = buffer.get(..length).unwrap_or_default();
            while !bytes.is_empty() {
                let Ok((used, request)) = reader.handle_bytes(bytes) else {
                    write(&mut stream, &[status::FAILED]).await?;
                    return end_in_order(stream, STUCK).await;
                };
                bytes = bytes.get(used..).unwrap_or_default();
                let Some(request) = request else { continue };
                self.give(&mut stream, place, &request).await?;
                if !request.is_ours() {
                    return end_in_order(stream, STUCK).await;
                }
                request_by = Instant::now() + REQUEST_WITHIN;
            }
        }
    }

    async fn give(
        &self,
        stream: &mut impl Connection,
        place: &Admitted,
        request: &PeerRequest,
    ) -> io::Result<()> {
        let file = match request {
            PeerRequest::File { path } | PeerRequest::Part { path, .. } => self.files.at(path),
            PeerRequest::Hashes { id } | PeerRequest::Block { id, .. } => self.files.known_as(*id),
        };
        let Some(file) = file else { return write(stream, &[status::NO_FILE]).await };
        match request {
            PeerRequest::Hashes { .. } => {
                write(stream, &head(Some(file.hashes.len() as u64 * 32))).await?;
                write(stream, file.hashes.as_flattened()).await
            }
            PeerRequest::Block { block, .. } => {
                let (start, length) = block_range(*block, file.size);
                send(stream, place, &file, start, length as u64, true).await
            }
            PeerRequest::File { .. } => {
                send(stream, place, &file, 0, file.size, self.sized == Sized::Sent).await
            }
            PeerRequest::Part { part, parts, .. } => {
                let each = file.size / parts;
                let start = each * part;
                let length = if part + 1 == *parts { file.size - start } else { each };
                send(stream, place, &file, start, length, false).await
            }
        }
    }
}

/// Status and length.
fn head(length: Option<u64>) -> Vec<u8> {
    let mut head = vec![status::DONE];
    if let Some(length) = length {
        head.extend_from_slice(length.to_string().as_bytes());
        head.push(0);
    }
    head
}

/// A part of the file, if it is still what was published.
async fn send(
    stream: &mut impl Connection,
    place: &Admitted,
    file: &Arc<Published>,
    start: u64,
    length: u64,
    says_length: bool,
) -> io::Result<()> {
    let opening = Arc::clone(file);
    let Ok(opened) = in_turn(place, move || opening.open()).await? else {
        return write(stream, &[status::NO_FILE]).await;
    };
    let opened = Arc::new(opened);
    write(stream, &head(says_length.then_some(length))).await?;
    let end = start + length;
    let mut at = start;
    while at < end {
        let length = (end - at).min(PIECE as u64);
        let reading = Arc::clone(&opened);
        let read = in_turn(place, move || {
            let mut bytes = vec![0; usize::try_from(length).expect("a piece fits in memory")];
            read_at(&reading, &mut bytes, at).map(|()| bytes)
        });
        // A file that shrinks meanwhile is an error: the client sees that less came than was said.
        write(stream, &read.await??).await?;
        at += length;
    }
    Ok(())
}

/// Work of the disk, when it is this client's turn.
async fn in_turn<T: Send + 'static>(
    place: &Admitted,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let _turn = place.turn().await;
    spawn_blocking(work).await.map_err(io::Error::other)
}

async fn write(stream: &mut impl Connection, bytes: &[u8]) -> io::Result<()> {
    for piece in bytes.chunks(PIECE) {
        timeout(STUCK, stream.write_all(piece))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    }
    Ok(())
}

async fn by<T>(end: Instant, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout_at(end, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
