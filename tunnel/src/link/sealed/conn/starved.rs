//! Watching a connection from which nothing is read, because its stream has no room or its other end has sent FIN: an RST is
//! seen at once, and a FIN that nothing stands before.
//!
//! The runtime reports each event of a socket once. What it knows of a starved connection is cleared, so that the next event
//! wakes it; bytes that lie unread do not. A FIN cannot be cleared: behind one only an error counts, and is waited for.

use std::future::{Future, pending};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Whether sockets tell each event once. Where they tell what is the case again and again (Windows) a starved connection
/// would never rest: there it is not watched, and its end shows when its stream has room.
const EACH_EVENT_ONCE: bool = cfg!(unix);

/// What is known of a connection from which nothing is read.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing; the next event wakes.
    None,
    /// Something has happened in this moment: look again.
    Again,
    /// Its other end has sent FIN, and nothing lies before it.
    End,
    /// Its other end has sent FIN behind bytes that are not read yet.
    EndAhead,
    /// It is broken.
    Broken(io::Error),
}

/// Looks at a connection whose stream has no room, and has the next event wake `waker`.
pub(super) fn look(tcp: &TcpStream, waker: &Waker) -> News {
    if !EACH_EVENT_ONCE {
        return News::None;
    }
    let cx = &mut Context::from_waker(waker);
    // Whatever the runtime knows is forgotten, but for a FIN and what came in this moment.
    let _ = tcp.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    if is_closed(tcp, cx) {
        return at_end(tcp);
    }
    if tcp.poll_read_ready(cx).is_pending() { News::None } else { News::Again }
}

fn is_closed(tcp: &TcpStream, cx: &mut Context<'_>) -> bool {
    let ready = pin!(tcp.ready(Interest::READABLE)).poll(cx);
    matches!(ready, std::task::Poll::Ready(Ok(ready)) if ready.is_read_closed())
}

fn at_end(tcp: &TcpStream) -> News {
    if let Some(error) = error_of(tcp) {
        return News::Broken(error);
    }
    match SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]) {
        Ok(0) => News::End,
        Ok(_) => News::EndAhead,
        // A FIN makes it readable; if it is not, there will be an event.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => News::EndAhead,
        Err(error) => News::Broken(error),
    }
}

fn error_of(tcp: &TcpStream) -> Option<io::Error> {
    tcp.take_error().unwrap_or_else(Some)
}

/// Reads without asking the runtime, which has been made to forget that there is something.
pub(super) fn read(tcp: &TcpStream, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
    (&*SockRef::from(tcp)).read_vectored(bufs)
}

/// Waits for an RST.
pub(super) struct StarvedWatch(Pin<Box<dyn Future<Output = ()> + Send>>);

impl StarvedWatch {
    /// Watches `tcp`.
    pub(super) fn new(tcp: &Arc<TcpStream>) -> Self {
        let tcp = Arc::clone(tcp);
        Self(Box::pin(async move {
            // Fails only when the runtime ends.
            let _ = tcp.ready(Interest::ERROR).await;
        }))
    }

    /// What has come of it; the RST wakes `waker`.
    pub(super) fn poll(&mut self, tcp: &TcpStream, waker: &Waker) -> Option<io::Error> {
        if self.0.as_mut().poll(&mut Context::from_waker(waker)).is_pending() {
            return None;
        }
        self.0 = Box::pin(pending());
        error_of(tcp)
    }
}

impl std::fmt::Debug for StarvedWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StarvedWatch")
    }
}
