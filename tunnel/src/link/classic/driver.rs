//! The loop of a classic session: look at everything that may have moved, in the order of its urgency, then wait.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::classic::Stream;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};
use tracing::trace;

use super::conns::Conns;
use super::journal::Journal;
use super::outbox::Outbox;
use super::records::Records;
use super::side::{Arrival, Path, Received, Side};
use crate::clock::Clock;
use crate::link::asking::{Asker, LinkQuery};
use crate::link::drain_flag::DrainFlag;
use crate::metrics::{Counters, LinkKind, LinkLabels, OwnCounters, Registry};
use crate::number::widen;
use crate::settings::Classic;
use crate::udp::{BATCH_SIZE, DATAGRAM_BUFFER, RecvMeta, Udp, datagrams};

/// Data that one receive brought, by stream.
type Gathered<'a, P> = BTreeMap<Stream<P>, Vec<IoSlice<'a>>>;

/// One session, as one task.
#[derive(Debug)]
pub(crate) struct Driver<S: Side> {
    pub(super) side: S,
    pub(super) udp: Udp,
    pub(super) conns: Conns<S::Peer>,
    pub(super) records: Records<S::Peer>,
    /// What whoever looks or steers asks.
    pub(super) queries: mpsc::Receiver<LinkQuery>,
    /// Since when there is a session: milliseconds since 1970.
    pub(super) since: u64,
    drain: DrainFlag,
    outbox: Outbox,
    /// [`BATCH_SIZE`] receive buffers.
    storage: Vec<u8>,
    pub(super) counters: OwnCounters,
    registry: Registry,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    alarm: Pin<Box<Sleep>>,
    alarm_at: Option<Instant>,
    /// Set once the end was asked for: when to stop waiting for the last bytes.
    end_by: Option<Instant>,
}

impl<S: Side> Driver<S> {
    /// Rounds in one go before other tasks of the thread get theirs. While a target is being dialled it is one round
    /// with one system call for UDP: data that comes before the answer has little room, so the dial must get on.
    const ROUNDS: usize = 32;
    /// System calls that take from the UDP socket before TCP gets its turn. What is not taken is lost, what is not
    /// read from TCP just waits.
    const RECEIVES: usize = 8;
    /// What may be asked at a time; whoever asks more waits.
    const QUERIES: usize = 16;
    /// How long an end that was asked for waits for connections that take their last bytes slowly.
    const END_PATIENCE: Duration = Duration::from_secs(1);

    /// A session of `side` over `udp`.
    ///
    /// # Errors
    /// The socket does not tell its address.
    pub(crate) fn new(side: S, udp: Udp, options: &Classic) -> io::Result<Self> {
        let granted = udp.granted()?;
        let registry = Registry::default();
        let labels = LinkLabels { kind: LinkKind::Classic, number: 1, ticket: None, peer: side.peer() };
        let (asker, queries) = mpsc::channel(Self::QUERIES);
        Ok(Self {
            side,
            records: Records::new(),
            queries,
            since: Clock::unix_ms(),
            drain: DrainFlag::default(),
            conns: Conns::new(options.queue, options.memory),
            outbox: Outbox::new(options.payload.bytes(), options.rate.bytes_per_second(granted.common)),
            storage: vec![0; BATCH_SIZE * DATAGRAM_BUFFER],
            counters: registry.of_link(labels, Some(Asker::Classic(asker))),
            registry,
            journal: Journal::new(),
            clock: Clock::start(),
            alarm: Box::pin(sleep(Duration::ZERO)),
            alarm_at: None,
            end_by: None,
            udp,
        })
    }

    /// Its counters, kept up to date while it runs.
    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Set when it accepts nothing new any more, by whoever asks it to.
    pub(crate) const fn drain_flag(&self) -> &DrainFlag {
        &self.drain
    }

    /// Runs until `shutdown` completes, then closes every stream and says what was counted.
    ///
    /// # Errors
    /// The UDP socket is broken.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> io::Result<Counters> {
        let mut shutdown = pin!(shutdown);
        poll_fn(|cx| {
            if self.end_by.is_none() && shutdown.as_mut().poll(cx).is_ready() {
                self.begin_end();
            }
            self.poll(cx)
        })
        .await?;
        self.count();
        self.counters.publish(Instant::now());
        Ok(self.registry.totals())
    }

    fn begin_end(&mut self) {
        self.side.shutdown(self.clock.now());
        for (stream, record) in self.records.end_all() {
            self.journal.closed(stream, Some(&record), &"cut off: the session is over");
        }
        self.conns.close_all();
        self.drain();
        self.end_by = Some(Instant::now() + Self::END_PATIENCE);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conns.register(cx.waker());
        self.answer_queries(cx);
        for _ in 0..Self::ROUNDS {
            let mut moved = self.receive(cx)?;
            moved |= self.arrivals(cx);
            self.write();
            moved |= self.serve();
            moved |= self.timeouts();
            let sent = self.outbox.poll_flush(cx, &self.udp, &mut self.counters);
            if self.is_over(sent.is_ready()) {
                return Poll::Ready(Ok(()));
            }
            moved |= sent.is_ready() && self.send(cx);
            if !moved && self.poll_alarm(cx, sent.is_ready()).is_pending() {
                return Poll::Pending;
            }
            if self.side.is_dialling() {
                break;
            }
        }
        self.count();
        self.counters.publish_due(Instant::now());
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_over(&self, all_sent: bool) -> bool {
        self.end_by.is_some_and(|by| (all_sent && self.conns.all_finished()) || Instant::now() >= by)
    }

    /// Takes what the UDP socket has.
    fn receive(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut storage = std::mem::take(&mut self.storage);
        let mut result = Ok(false);
        for _ in 0..Self::RECEIVES {
            let mut metas = [RecvMeta::default(); BATCH_SIZE];
            let mut places = storage.chunks_mut(DATAGRAM_BUFFER);
            let mut bufs: [_; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(places.next().unwrap_or_default()));
            match self.udp.poll_recv(cx, &mut bufs, &mut metas) {
                Poll::Ready(Ok(filled)) => {
                    self.take_in(metas.iter().zip(storage.chunks(DATAGRAM_BUFFER)).take(filled));
                    result = Ok(true);
                    if self.side.is_dialling() {
                        break;
                    }
                }
                Poll::Ready(Err(error)) => {
                    result = Err(error);
                    break;
                }
                Poll::Pending => break,
            }
        }
        self.storage = storage;
        result
    }

    /// Hands what one receive brought to the table.
    fn take_in<'a>(&mut self, received: impl Iterator<Item = (&'a RecvMeta, &'a [u8])>) {
        let mut data = Gathered::new();
        for (meta, buffer) in received {
            let from = Path { remote: meta.addr, local: self.udp.answer_from(meta) };
            let now = self.clock.now();
            for datagram in datagrams(buffer, meta) {
                let news = self.side.handle_datagram(now, from, datagram, &mut self.counters);
                if let Some(Received::Data { stream, payload }) = news {
                    self.judge(meta.addr, datagram);
                    data.entry(stream).or_default().push(IoSlice::new(payload));
                    continue;
                }
                // What came before goes out before: this may end a stream that has data here.
                self.put_all(&mut data);
                match news {
                    Some(Received::Opened { stream, early }) => self.open(stream, &early),
                    Some(Received::Closed(closed)) => self.close(closed),
                    Some(Received::Data { .. }) => {}
                    // Wrong, or a repetition: the table's counters say which.
                    None => trace!(from = %meta.addr, bytes = datagram.len(), "a datagram without news"),
                }
                self.judge(meta.addr, datagram);
                self.drain();
            }
        }
        self.put_all(&mut data);
        self.drain();
    }

    /// Hands what was gathered to the connection of each stream.
    fn put_all(&mut self, data: &mut Gathered<'_, S::Peer>) {
        for (stream, parts) in std::mem::take(data) {
            self.put(stream, &parts);
        }
    }

    /// Says what is wrong with the last datagram, if something is.
    fn judge(&mut self, from: SocketAddr, datagram: &[u8]) {
        if let Some(violation) = self.side.poll_violation() {
            self.journal.violated(from, datagram, violation);
        }
    }

    /// Hands `parts` to the connection of `stream`. What is little waits for [`Driver::write`].
    pub(super) fn put(&mut self, stream: Stream<S::Peer>, parts: &[IoSlice<'_>]) {
        let bytes = parts.iter().map(|part| part.len()).sum();
        self.counters.received_bytes += widen(bytes);
        self.records.received(stream, bytes);
        match self.conns.put(stream, parts) {
            Ok(dropped) => self.counters.datagrams_queue_full += widen(dropped),
            Err(error) => self.end_stream(stream, &error),
        }
    }

    /// Writes what was put.
    fn write(&mut self) {
        let mut broken = Vec::new();
        self.conns.write(&mut broken);
        for (stream, error) in broken {
            self.end_stream(stream, &error);
        }
        self.drain();
    }

    /// New clients, dialled targets.
    fn arrivals(&mut self, cx: &mut Context<'_>) -> bool {
        let now = self.clock.now();
        let Poll::Ready(arrival) = self.side.poll_arrival(cx, now, &mut self.counters) else { return false };
        match arrival {
            Arrival::Client(stream, tcp, client) => {
                self.records.begin(stream, Some(client), String::new());
                self.conns.insert(stream, tcp);
            }
            Arrival::Surplus(tcp) => self.conns.turn_away(tcp),
            Arrival::Target { stream, tcp, early } => {
                let (client, target) = self.side.end_of(stream);
                self.records.begin(stream, client, target);
                self.conns.insert(stream, tcp);
                self.open(stream, &early);
            }
            Arrival::Nothing => {}
        }
        self.drain();
        true
    }

    /// Connections that take bytes again or have some.
    fn serve(&mut self) -> bool {
        let mut broken = Vec::new();
        let moved = self.conns.serve(&mut broken);
        for (stream, error) in broken {
            self.end_stream(stream, &error);
        }
        if moved {
            self.drain();
        }
        moved
    }

    /// Whether the table's timer came: what it asks for may include news that `arrivals` must wait for.
    fn timeouts(&mut self) -> bool {
        let now = self.clock.now();
        let rung = self.side.poll_timeout().is_some_and(|at| at <= now);
        if rung {
            self.side.handle_timeout(now);
            self.drain();
        }
        let instant = Instant::now();
        if self.conns.next_sweep().is_some_and(|at| at <= instant) {
            self.conns.sweep(instant);
            self.drain();
        }
        rung
    }

    /// Reads one batch from the connection whose turn it is, and sends it.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        let instant = Instant::now();
        if !self.conns.has_readable() || !self.outbox.wait(instant).is_zero() {
            return false;
        }
        let now = self.clock.now();
        let Some((stream, relay)) = self.conns.next_readable() else { return false };
        let (to, before) = (self.side.path(stream), self.counters.sent_bytes);
        match self.outbox.poll_fill(instant, &self.udp, to, stream.id(), relay, &mut self.counters) {
            Poll::Pending => {}
            Poll::Ready(Ok(0)) => {
                self.conns.read_no_more(stream);
                self.side.finish(now, stream);
            }
            Poll::Ready(Ok(_)) => {
                self.records.sent(stream, self.counters.sent_bytes - before);
                self.conns.read_more(stream);
                self.side.note_sent(now, stream);
                // What the system does not take now is tried again before anything else is read.
                let _ = self.outbox.poll_flush(cx, &self.udp, &mut self.counters);
            }
            Poll::Ready(Err(error)) => self.end_stream(stream, &error),
        }
        self.drain();
        true
    }

    /// Waits for the next moment at which something is to be done. Ready: it has come.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, may_send: bool) -> Poll<()> {
        let now = Instant::now();
        self.count();
        let publish = self.counters.publish_due(now);
        let paced = (may_send && self.conns.has_readable()).then(|| now + self.outbox.wait(now));
        let table = self.side.poll_timeout().and_then(|at| self.clock.instant(at));
        let next = [paced, table, publish, self.conns.next_sweep(), self.end_by].into_iter().flatten().min();
        let Some(next) = next else { return Poll::Pending };
        if self.alarm_at != Some(next) {
            self.alarm_at = Some(next);
            self.alarm.as_mut().reset(next.into());
        }
        let rung = self.alarm.as_mut().poll(cx);
        if rung.is_ready() {
            self.alarm_at = None;
        }
        rung
    }

    /// Takes what the table has to say: streams that ended, datagrams to send.
    pub(super) fn drain(&mut self) {
        while let Some(closed) = self.side.poll_event() {
            self.close(closed);
        }
        while let Some(cut) = self.conns.next_cut() {
            self.counters.cut_bytes += cut.bytes();
            self.journal.cut(&cut);
        }
        let now = self.clock.now();
        while let Some((to, datagram)) = self.side.poll_transmit(now) {
            self.outbox.answer(to, datagram, &mut self.counters);
        }
    }

    pub(super) fn count(&mut self) {
        self.side.count(&mut self.counters);
        self.counters.set_peer(self.side.peer());
    }
}
