//! What proxy2's demultiplexer hands to the task of one link.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use proto::sealed::crypto::cipher::SessionKeys;
use proto::sealed::link::FourTuple;
use proto::sealed::wire::ecn::Ecn;
use proto::sealed::wire::end_code::EndCode;

use crate::link::sealed::buffers::Buffer;
use crate::ready::keep_waker;

/// Datagrams of one size (the last may be shorter) from one address.
#[derive(Debug)]
pub(crate) struct ReceivedBatch {
    /// Who sent them, and to which address of ours, if the socket has several.
    pub(crate) from: FourTuple,
    /// They lie at its beginning.
    pub(in crate::link::sealed) buffer: Buffer,
    /// Bytes of it that are theirs.
    pub(crate) len: usize,
    /// Bytes in each.
    pub(crate) stride: usize,
    /// What the IP header of each says.
    pub(crate) ecn: Ecn,
}

/// What a link is told to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Take these keys too, and say so to the peer. A link that has ended does neither.
    Session {
        /// The keys.
        session: Box<SessionKeys>,
        /// The response to the handshake.
        response: Vec<u8>,
        /// Where its initiation came from.
        from: FourTuple,
    },
    /// Ask whether the peer still lives.
    Challenge,
    /// Somebody counts on the peer: ask whether it is there, and say what comes of that.
    ProbeLiveness,
    /// The place is wanted: ask whether the peer still lives, and do not wait for long if it is gone.
    Vacate,
    /// End, for this reason.
    Close(EndCode),
}

/// The queue of one link; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkQueue(Arc<Mutex<QueueContent>>);

#[derive(Debug, Default)]
struct QueueContent {
    batches: VecDeque<ReceivedBatch>,
    bytes: usize,
    commands: VecDeque<Command>,
    task: Option<Waker>,
}

impl LinkQueue {
    /// Bytes of buffers that may wait, however little is in them: about what a socket's buffer would hold.
    const BYTES: usize = 8 << 20;
    /// Batches that may wait, however small.
    const BATCHES: usize = 1_024;

    /// Hands over datagrams. False if too many wait already: these are lost, as they would be in a full socket buffer.
    #[must_use]
    pub(crate) fn post(&self, batch: ReceivedBatch) -> bool {
        let mut content = self.lock();
        if content.bytes >= Self::BYTES || content.batches.len() >= Self::BATCHES {
            return false;
        }
        content.bytes += batch.buffer.len();
        content.batches.push_back(batch);
        wake(content);
        true
    }

    /// Hands over a command. Their number is bounded: by the handshakes a second, each of which brings one or two, by what revokes and ends
    /// links, once each, and [`Command::ProbeLiveness`] waits there once at a time, however many ask.
    pub(crate) fn command(&self, command: Command) {
        let mut content = self.lock();
        content.commands.push_back(command);
        wake(content);
    }

    /// Says whom to wake.
    pub(crate) fn register(&self, task: &Waker) {
        keep_waker(&mut self.lock().task, task);
    }

    /// Moves what waits into `batches` and `commands`, which are empty.
    pub(crate) fn take(&self, batches: &mut VecDeque<ReceivedBatch>, commands: &mut VecDeque<Command>) {
        let mut content = self.lock();
        std::mem::swap(&mut content.batches, batches);
        std::mem::swap(&mut content.commands, commands);
        content.bytes = 0;
    }

    fn lock(&self) -> MutexGuard<'_, QueueContent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Releases the lock, then wakes the task, which would otherwise find it taken.
fn wake(content: MutexGuard<'_, QueueContent>) {
    let task = content.task.clone();
    drop(content);
    if let Some(task) = task {
        task.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn a_full_mailbox_takes_no_datagrams_but_orders() {
        let queue = LinkQueue::default();
        let from = "127.0.0.1:9".parse::<SocketAddr>().unwrap().into();
        let batch =
            || ReceivedBatch { from, buffer: Buffer::copy(b"x"), len: 1, stride: 1, ecn: Ecn::NotCapable };
        assert_eq!((0..2_000).filter(|_| queue.post(batch())).count(), LinkQueue::BATCHES);
        queue.command(Command::Challenge);
        let (mut batches, mut commands) = (VecDeque::new(), VecDeque::new());
        queue.take(&mut batches, &mut commands);
        assert_eq!((batches.len(), commands.len()), (LinkQueue::BATCHES, 1));
        assert!(queue.post(batch()), "there is room again");
    }
}
