//! All forwards of one link. However many there are, only those are looked at that something has happened to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::forwarding::{Arrival, Bound, Forwarding, Next};
use super::listeners::Kept;
use super::proxy::clients::ProxyClients;
use crate::metrics::Counters;
use crate::ready::{Ready, StreamWaker};

/// The forwards, and whose turn it is.
#[derive(Debug)]
pub(crate) struct Forwards {
    slots: Slab<Slot>,
    ready: Arc<Ready>,
    woken: Vec<usize>,
    /// Those to look at; each once.
    due: VecDeque<usize>,
    /// None were there yet: empty, it holds 3 KiB, and most links of a server never have any.
    proxy: Option<Box<ProxyClients>>,
}

#[derive(Debug)]
struct Slot {
    forwarding: Forwarding,
    waker: Waker,
    woken: Arc<StreamWaker>,
    is_due: bool,
    _kept: Option<Kept>,
}

impl Forwards {
    /// Clients of proxy ports that are taken in one go before others get their turn.
    const TURN: usize = 16;

    /// These.
    pub(crate) fn new(forwards: Vec<Forwarding>) -> Self {
        let mut all = Self {
            slots: Slab::new(),
            ready: Ready::new(),
            woken: Vec::new(),
            due: VecDeque::new(),
            proxy: None,
        };
        forwards.into_iter().for_each(|forward| all.add(forward, None));
        all
    }

    /// One more, and what it holds.
    pub(crate) fn add(&mut self, forwarding: Forwarding, kept: Option<Kept>) {
        let entry = self.slots.vacant_entry();
        let key = entry.key();
        let (waker, woken) = self.ready.waker(key);
        // Whoever polls next finds it, and is woken by it from then on.
        waker.wake_by_ref();
        entry.insert(Slot { forwarding, waker, woken, is_due: false, _kept: kept });
    }

    /// Stops listening there; whether there was such a forward. What it has carried, and its clients that are not on their way yet, go on.
    pub(crate) fn remove(&mut self, bound: &Bound) -> bool {
        let before = self.slots.len();
        self.slots.retain(|_, slot| slot.forwarding.bound() != bound);
        self.slots.len() < before
    }

    /// Stops listening.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
    }

    /// The next client of any, in turn.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, counters: &mut Counters) -> Poll<Arrival> {
        if let Poll::Ready(arrival) = self.poll_proxy(cx, counters) {
            return Poll::Ready(arrival);
        }
        // Most links of a server have none. One that is added wakes nobody: whoever adds it polls again.
        if self.slots.is_empty() {
            return Poll::Pending;
        }
        self.take_woken(cx.waker());
        for turn in 0.. {
            let Some(key) = self.due.pop_front() else { break };
            if turn >= Self::TURN {
                self.due.push_front(key);
                cx.waker().wake_by_ref();
                break;
            }
            if let Poll::Ready(Some(arrival)) = self.poll_one(key, counters) {
                return Poll::Ready(arrival);
            }
        }
        // Those that were taken just now wake this task from here on.
        self.poll_proxy(cx, counters)
    }

    fn poll_proxy(&mut self, cx: &mut Context<'_>, counters: &mut Counters) -> Poll<Arrival> {
        let Some(proxy) = &mut self.proxy else { return Poll::Pending };
        proxy.poll(cx, counters).map(Into::into)
    }

    fn take_woken(&mut self, task: &Waker) {
        self.ready.register(task);
        self.ready.take(&mut self.woken);
        for key in self.woken.drain(..) {
            if let Some(slot) = self.slots.get_mut(key)
                && !std::mem::replace(&mut slot.is_due, true)
            {
                self.due.push_back(key);
            }
        }
    }

    /// Ready if it may have more.
    fn poll_one(&mut self, key: usize, counters: &mut Counters) -> Poll<Option<Arrival>> {
        let Some(slot) = self.slots.get_mut(key) else { return Poll::Pending };
        slot.is_due = false;
        slot.woken.rearm();
        let next = slot.forwarding.poll(&mut Context::from_waker(&slot.waker), counters);
        let Poll::Ready(next) = next else { return Poll::Pending };
        slot.is_due = true;
        self.due.push_back(key);
        Poll::Ready(match next {
            Next::Arrival(arrival) => Some(arrival),
            Next::Tcp(stream, client, places) => {
                self.proxy
                    .get_or_insert_with(|| Box::new(ProxyClients::new()))
                    .take(stream, client, &places, counters);
                None
            }
            Next::Unix(stream, client, places) => {
                self.proxy
                    .get_or_insert_with(|| Box::new(ProxyClients::new()))
                    .take(stream, client, &places, counters);
                None
            }
        })
    }
}
