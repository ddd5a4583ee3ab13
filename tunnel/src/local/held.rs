//! A place for a client whose connection comes later: its stream is opened first, as a client of a proxy port is told of the success only
//! then. From that moment on its connection is the stream's local end, as if it had been there from the start.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use proto::sealed::wire::frame::ResetCode;

use super::stream::LocalStream;
use crate::ready::keep_waker;

/// A new place: the link's half, and the half of whoever brings the connection.
pub(crate) fn held() -> (HeldEnd, Holder) {
    let shared = Arc::<SharedPlace>::default();
    (HeldEnd(Arc::clone(&shared)), Holder(Some(shared)))
}

/// The link's half: neither readable nor writable.
pub(crate) struct HeldEnd(Arc<SharedPlace>);

/// The other half. Dropping it resets the stream. `None`: something has been put there.
pub(crate) struct Holder(Option<Arc<SharedPlace>>);

/// What has been put into the place.
#[derive(Debug, Default)]
pub(crate) enum Put {
    /// Nothing yet.
    #[default]
    Nothing,
    /// A connection, and what its client has sent before.
    Connection(Box<LocalStream>, Vec<u8>),
    /// Nothing will come.
    Gone,
}

type SharedPlace = Mutex<Place>;

#[derive(Debug, Default)]
struct Place {
    /// What the link has said of the stream: it is open, or why it cannot be.
    said: Option<Result<(), ResetCode>>,
    put: Put,
    link: Option<Waker>,
    holder: Option<Waker>,
}

fn lock(shared: &SharedPlace) -> MutexGuard<'_, Place> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HeldEnd {
    /// What has been put here since it was last asked; wakes `waker` when there is something.
    pub(crate) fn take(&self, waker: &Waker) -> Put {
        let mut place = lock(&self.0);
        keep_waker(&mut place.link, waker);
        mem::take(&mut place.put)
    }

    /// The other end of the link has dialled.
    pub(crate) fn open(&self) {
        self.say(Ok(()));
    }

    /// The stream is over.
    pub(crate) fn reset(&self, code: ResetCode) {
        self.say(Err(code));
    }

    /// What is said first counts.
    fn say(&self, said: Result<(), ResetCode>) {
        let mut place = lock(&self.0);
        if place.said.is_none() {
            place.said = Some(said);
            let holder = place.holder.take();
            drop(place);
            holder.into_iter().for_each(Waker::wake);
        }
    }
}

impl Holder {
    /// Waits until the other end of the link has dialled. Cancel safe.
    ///
    /// # Errors
    /// The stream was reset instead.
    pub(crate) async fn opened(&self) -> Result<(), ResetCode> {
        poll_fn(|cx| {
            let Some(shared) = &self.0 else { return Poll::Ready(Err(ResetCode::Reset)) };
            let mut place = lock(shared);
            if place.said.is_none() {
                keep_waker(&mut place.holder, cx.waker());
            }
            place.said.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The stream's local end from now on, and what its client has sent already. If the stream is over, the connection ends with RST.
    pub(crate) fn put(mut self, connection: LocalStream, first: Vec<u8>) {
        self.fill(Put::Connection(Box::new(connection), first));
    }

    fn fill(&mut self, put: Put) {
        let Some(shared) = self.0.take() else { return };
        let mut place = lock(&shared);
        place.put = put;
        let link = place.link.take();
        drop(place);
        link.into_iter().for_each(Waker::wake);
    }
}

impl Drop for HeldEnd {
    fn drop(&mut self) {
        self.reset(ResetCode::Reset);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.fill(Put::Gone);
    }
}

impl fmt::Debug for HeldEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldEnd")
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder")
    }
}
