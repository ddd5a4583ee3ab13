//! The local end of a flow to `check/1`: this process answers it, nothing is dialled (PROTOCOL.md, section Checks).

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use proto::check::Answerer;
use tokio::time::{Sleep, sleep_until};

use super::Delivery;
use crate::clock::Clock;
use crate::limit::Bucket;
use crate::ready::keep_waker;

/// Where the other end of a link is now, for whoever has to say it. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct SeenAddress(Arc<Mutex<SocketAddr>>);

impl SeenAddress {
    /// It is there.
    pub(crate) fn new(at: SocketAddr) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    /// It has moved.
    pub(crate) fn set(&self, at: SocketAddr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn get(&self) -> SocketAddr {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What answers one flow. A guard goes with it: what counts among those of its link.
pub(crate) struct Answers {
    state: Mutex<AnsweringState>,
    clock: Clock,
    seen: SeenAddress,
    /// Bytes of answers that its ticket may have.
    bytes: Arc<Bucket>,
    _guard: Box<dyn Send + Sync>,
}

#[derive(Debug, Default)]
struct AnsweringState {
    answerer: Answerer,
    receiver: Option<Waker>,
    /// Until the next answer that waits is due.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Answers {
    /// For an asker that is seen there, and may have so many bytes of answers with others.
    pub(crate) fn new(seen: SeenAddress, bytes: Arc<Bucket>, guard: impl Send + Sync + 'static) -> Self {
        Self { state: Mutex::default(), clock: Clock::start(), seen, bytes, _guard: Box::new(guard) }
    }

    /// A datagram has come, a question perhaps.
    pub(super) fn take(&self, datagram: &[u8]) -> Delivery {
        let now = Instant::now();
        let may_leave = |bytes: u16| self.bytes.take_units(now, bytes.into());
        let mut state = self.lock();
        if !state.answerer.take(self.clock.time(now), datagram, may_leave) {
            return Delivery::Useless;
        }
        let receiver = state.receiver.take();
        drop(state);
        receiver.into_iter().for_each(Waker::wake);
        Delivery::Taken
    }

    /// The next answer; wakes when there is one.
    pub(super) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        let mut state = self.lock();
        loop {
            let answer = state.answerer.poll_answer(self.clock.now(), Clock::unix(), self.seen.get());
            if let Some(answer) = answer {
                return Poll::Ready(answer);
            }
            let due = self.clock.instant(state.answerer.poll_timeout());
            let Some(due) = due else { break };
            let timer = state.timer.get_or_insert_with(|| Box::pin(sleep_until(due.into())));
            if timer.deadline() != due.into() {
                timer.as_mut().reset(due.into());
            }
            if timer.as_mut().poll(cx).is_pending() {
                break;
            }
            // It may be over a moment before the clock says so.
            state.timer = None;
        }
        keep_waker(&mut state.receiver, cx.waker());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, AnsweringState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("seen", &self.seen.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proto::check::{AnswerSize, Question};

    use super::*;

    #[test]
    fn all_flows_of_a_ticket_share_what_it_may_be_answered() {
        let (seen, bytes) =
            (SeenAddress::new(([192, 0, 2, 1], 9).into()), Bucket::new(Instant::now(), 1, 5_000));
        let bytes = Arc::new(bytes);
        let flows = [(); 4].map(|()| Answers::new(seen.clone(), Arc::clone(&bytes), ()));
        let mut cx = Context::from_waker(Waker::noop());
        let mut answered = 0;
        for flow in flows.iter().chain(&flows) {
            let question = Question { number: 0, size: 64, answer: AnswerSize::Same, wait: Duration::ZERO };
            assert_eq!(flow.take(&question.to_bytes()), Delivery::Taken, "it keeps the flow alive");
            answered += usize::from(flow.poll_recv(&mut cx).is_ready());
        }
        assert_eq!(answered, 5, "each counts as 1,000 bytes");
        let [flow, ..] = flows;
        assert_eq!(flow.take(&[0; 64]), Delivery::Useless);
    }
}
