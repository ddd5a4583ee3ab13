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

use tokio::io::Interest;

use super::socket::Socket;

/// Whether sockets tell each event once. Where they tell what is the case again and again (Windows) a starved connection
/// would never rest: there it is not watched, and its end shows when its stream has room.
const EACH_EVENT_ONCE: bool = cfg!(unix);

/// What is known of a connection from which nothing is read.
#[derive(Debug)]
pub(crate) enum News {
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
pub(super) fn look(socket: &impl Socket, waker: &Waker) -> News {
    if !EACH_EVENT_ONCE {
        return News::None;
    }
    let cx = &mut Context::from_waker(waker);
    // Whatever the runtime knows is forgotten, but for a FIN and what came in this moment.
    socket.forget_readable();
    if is_closed(socket, cx) {
        return at_end(socket);
    }
    if socket.poll_readable(cx).is_pending() { News::None } else { News::Again }
}

fn is_closed(socket: &impl Socket, cx: &mut Context<'_>) -> bool {
    let ready = pin!(socket.ready(Interest::READABLE)).poll(cx);
    matches!(ready, std::task::Poll::Ready(Ok(ready)) if ready.is_read_closed())
}

fn at_end(socket: &impl Socket) -> News {
    if let Some(error) = error_of(socket) {
        return News::Broken(error);
    }
    match socket.as_sock_ref().peek(&mut [MaybeUninit::uninit()]) {
        Ok(0) => News::End,
        Ok(_) => News::EndAhead,
        // A FIN makes it readable; if it is not, there will be an event.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => News::EndAhead,
        Err(error) => News::Broken(error),
    }
}

fn error_of(socket: &impl Socket) -> Option<io::Error> {
    socket.take_error().unwrap_or_else(Some)
}

/// Reads without asking the runtime, which has been made to forget that there is something.
pub(super) fn read(socket: &impl Socket, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
    (&*socket.as_sock_ref()).read_vectored(bufs)
}

/// Waits for an RST.
pub(super) struct StarvedWatch(Pin<Box<dyn Future<Output = ()> + Send>>);

impl StarvedWatch {
    fn new<S: Socket>(socket: &Arc<S>) -> Self {
        let socket = Arc::clone(socket);
        Self(Box::pin(async move {
            // Fails only when the runtime ends.
            let _ = socket.ready(Interest::ERROR).await;
        }))
    }

    /// What has come of it; the RST wakes `waker`. Begins to watch, if nobody does.
    pub(super) fn poll<S: Socket>(
        watch: &mut Option<Self>,
        socket: &Arc<S>,
        waker: &Waker,
    ) -> Option<io::Error> {
        let watch = watch.get_or_insert_with(|| Self::new(socket));
        if watch.0.as_mut().poll(&mut Context::from_waker(waker)).is_pending() {
            return None;
        }
        watch.0 = Box::pin(pending());
        error_of(&**socket)
    }
}

impl std::fmt::Debug for StarvedWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StarvedWatch")
    }
}
