//! Receives from several sockets in turn.

use std::io::{self, IoSliceMut};
use std::task::{Context, Poll};

use crate::udp::{RecvMeta, Udp};

/// What one of the sockets has, the first to be asked being `turn`: which socket, and how many buffers are filled.
pub(super) fn poll_any(
    cx: &mut Context<'_>,
    sockets: &[Udp],
    turn: usize,
    bufs: &mut [IoSliceMut<'_>],
    metas: &mut [RecvMeta],
) -> Poll<io::Result<(usize, usize)>> {
    for number in 0..sockets.len() {
        let socket = (turn + number) % sockets.len();
        if let Some(udp) = sockets.get(socket)
            && let Poll::Ready(received) = udp.poll_recv(cx, bufs, metas)
        {
            return Poll::Ready(received.map(|count| (socket, count)));
        }
    }
    Poll::Pending
}
