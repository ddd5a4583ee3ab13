//! Standard input and output as the one client of a forward: its bytes and nothing else.
//!
//! Each has a thread of its own: reading a terminal or a pipe cannot be broken off, and must not keep the process from ending.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::thread;

use proto::sealed::wire::frame::ResetCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot, watch};

use super::pipe::{PipeEnd, PipeStream, pipe, reset_code};

/// Bytes read in one go, and written.
const CHUNK: usize = 64 << 10;
/// Chunks on their way between the stream and a thread.
const WAITING: usize = 2;

/// How the stream of standard input and output has ended; `None`: it has not.
pub(crate) type StdioStatus = Option<Result<(), ResetCode>>;

/// Standard input and output, until they are taken.
pub(crate) struct Stdio {
    input: Box<dyn Read + Send>,
    output: Box<dyn Write + Send>,
    status: watch::Sender<StdioStatus>,
}

impl Stdio {
    /// Of this process.
    pub(crate) fn of_process() -> Self {
        Self::new(io::stdin(), io::stdout())
    }

    /// Other ones.
    pub(crate) fn new(input: impl Read + Send + 'static, output: impl Write + Send + 'static) -> Self {
        Self { input: Box::new(input), output: Box::new(output), status: watch::Sender::new(None) }
    }

    /// How their stream ends.
    pub(crate) fn status(&self) -> watch::Receiver<StdioStatus> {
        self.status.subscribe()
    }

    /// Begins to carry them; the link's end of their stream.
    pub(crate) fn start(self) -> PipeEnd {
        let (end, stream) = pipe();
        let Self { input, output, status } = self;
        tokio::spawn(async move {
            let ended = carry(input, output, stream).await;
            status.send_replace(Some(ended));
        });
        end
    }
}

/// Carries both directions until both are over.
async fn carry(
    input: Box<dyn Read + Send>,
    output: Box<dyn Write + Send>,
    stream: PipeStream,
) -> Result<(), ResetCode> {
    let (from_stream, to_stream) = tokio::io::split(stream);
    // The first that fails resets the stream, by dropping it.
    let carried = tokio::try_join!(read_input(input, to_stream), write_output(output, from_stream));
    carried.map(drop).map_err(|error| reset_code(&error).unwrap_or(ResetCode::Reset))
}

async fn read_input(
    mut input: Box<dyn Read + Send>,
    mut to_stream: WriteHalf<PipeStream>,
) -> io::Result<WriteHalf<PipeStream>> {
    let (chunks, mut read) = mpsc::channel::<io::Result<Vec<u8>>>(WAITING);
    spawn("stdin", move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            let chunk = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(buffer.get(..count).unwrap_or_default().to_vec()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = chunk.is_err();
            if chunks.blocking_send(chunk).is_err() || failed {
                return;
            }
        }
    })?;
    while let Some(chunk) = read.recv().await {
        to_stream.write_all(&chunk?).await?;
    }
    to_stream.shutdown().await?;
    // Kept until the other direction is over: who drops a half drops the stream only with the other one.
    Ok(to_stream)
}

async fn write_output(
    mut output: Box<dyn Write + Send>,
    mut from_stream: ReadHalf<PipeStream>,
) -> io::Result<ReadHalf<PipeStream>> {
    let (chunks, mut written) = mpsc::channel::<Vec<u8>>(WAITING);
    let (end, mut ended) = oneshot::channel::<io::Result<()>>();
    spawn("stdout", move || {
        let mut write = || {
            while let Some(chunk) = written.blocking_recv() {
                output.write_all(&chunk)?;
                output.flush()?;
            }
            Ok(())
        };
        // Nobody waits for it any more if the stream was reset.
        let _ = end.send(write());
    })?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = tokio::select! {
            read = from_stream.read_buf(&mut chunk) => read?,
            ended = &mut ended => return Err(failure(ended)),
        };
        if read == 0 {
            break;
        }
        if chunks.send(chunk).await.is_err() {
            return Err(failure(ended.await));
        }
    }
    drop(chunks);
    ended.await.unwrap_or_else(|_| Err(ErrorKind::BrokenPipe.into()))?;
    Ok(from_stream)
}

/// Why the thread that writes has ended before it was told to.
fn failure(ended: Result<io::Result<()>, oneshot::error::RecvError>) -> io::Error {
    ended.ok().and_then(Result::err).unwrap_or_else(|| ErrorKind::BrokenPipe.into())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop)
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stdio")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, IoSliceMut, PipeReader, PipeWriter};

    use super::*;

    struct Carried {
        input: PipeWriter,
        output: PipeReader,
        end: PipeEnd,
        status: watch::Receiver<StdioStatus>,
    }

    fn carried() -> Carried {
        let ((from_input, input), (output, to_output)) = (io::pipe().unwrap(), io::pipe().unwrap());
        let stdio = Stdio::new(from_input, to_output);
        let status = stdio.status();
        Carried { input, output, end: stdio.start(), status }
    }

    async fn ready(end: &PipeEnd) {
        std::future::poll_fn(|cx| end.poll_read_ready(cx)).await;
    }

    async fn reads(end: &PipeEnd) -> io::Result<Vec<u8>> {
        ready(end).await;
        let mut bytes = [0; 64];
        let count = end.read(&mut [IoSliceMut::new(&mut bytes)])?;
        Ok(bytes[..count].to_vec())
    }

    #[tokio::test]
    async fn bytes_and_both_ends_are_carried() {
        let Carried { mut input, mut output, end, mut status } = carried();
        end.open();
        input.write_all(b"\0\xff\r\n").unwrap();
        assert_eq!(reads(&end).await.unwrap(), b"\0\xff\r\n");
        drop(input);
        assert_eq!(reads(&end).await.unwrap(), b"", "the end of the input is a FIN");
        assert_eq!(*status.borrow(), None, "the other direction goes on");
        assert_eq!(end.write(&[IoSlice::new(b"\n\0back")]).unwrap(), 6);
        end.finish();
        let read = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            output.read_to_end(&mut all).map(|_| all)
        });
        assert_eq!(read.await.unwrap().unwrap(), b"\n\0back");
        assert_eq!(*status.wait_for(Option::is_some).await.unwrap(), Some(Ok(())));
    }

    #[tokio::test]
    async fn a_reset_ends_it_with_its_code() {
        let Carried { input: _input, output: _output, end, mut status } = carried();
        end.reset(ResetCode::Refused);
        let status = status.wait_for(Option::is_some).await.unwrap();
        assert_eq!(*status, Some(Err(ResetCode::Refused)));
    }

    #[tokio::test]
    async fn an_output_that_nobody_reads_any_more_resets_the_stream() {
        let Carried { input: _input, output, end, mut status } = carried();
        drop(output);
        end.write(&[IoSlice::new(b"x")]).unwrap();
        ready(&end).await;
        assert_eq!(reads(&end).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert!(matches!(*status.wait_for(Option::is_some).await.unwrap(), Some(Err(_))));
    }
}
