//! The loop of one sealed link: look at everything that may have moved, in the order of its urgency, then wait.

mod endings;
mod flows;
mod leaving;
mod moving;
mod queries;
mod timers;
mod turn;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::link::{Event, Link};
use proto::sealed::transport::Event as StreamEvent;
use proto::sealed::wire::end_code::EndCode;
use tokio::time::{Sleep, sleep};

use self::leaving::Leaving;
use self::moving::Former;
use self::queries::NotedState;
use self::turn::TurnWatch;
use super::end::{End, Next};
use super::local_connection::LocalConnection;
use super::roles::Roles;
use crate::clock::Clock;
use crate::link::asking::Asker;
use crate::link::drain_flag::DrainFlag;
use crate::link::sealed::buffers::Buffers;
use crate::link::sealed::conn::code_of;
use crate::link::sealed::conns::{Conns, Moved};
use crate::link::sealed::flows::Flows;
use crate::link::sealed::journal::LinkJournal;
use crate::link::sealed::outbox::Outbox;
use crate::link::sealed::records::Records;
use crate::metrics::{CoreCounts, LinkLabels, OwnCounters, Registry};
use crate::number::widen;

/// What all links of a session have in common.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    /// Buffers for datagrams.
    pub(super) buffers: Buffers,
    /// Where what is counted is added up.
    pub(super) registry: Registry,
    /// Set when nothing new is accepted any more.
    pub(super) drain: DrainFlag,
    /// The clock.
    pub(super) clock: Clock,
    /// After how long without data a stream is closed.
    pub(super) idle_limit: Option<Duration>,
    /// After how long without a datagram a flow is over.
    pub(super) udp_idle: Duration,
}

/// One link, as one task.
#[derive(Debug)]
pub(super) struct Task<E> {
    end: E,
    roles: Roles,
    link: Link,
    conns: Conns,
    flows: Flows,
    records: Records,
    noted: NotedState,
    outbox: Outbox,
    counters: OwnCounters,
    core_counts: CoreCounts,
    journal: LinkJournal,
    shared: Shared,
    labels: LinkLabels,
    clock: Clock,
    idle_limit: Option<Duration>,
    next_sweep: Option<Instant>,
    next_look: Option<Instant>,
    /// The size of datagrams, as far as it was told that it is small.
    told_size: u16,
    /// It ends a while after its last stream, if that was asked for.
    leaving: Option<Leaving>,
    /// Links that this one has taken the place of, and that still have streams.
    former: Former,
    alarm: Pin<Box<Sleep>>,
    alarm_at: Option<Instant>,
    /// When the link has something to do, as it said when it was last asked before a wait; never, once that is done.
    due: Time,
    turn: TurnWatch,
    over: bool,
}

/// What a turn of the connections brought.
#[derive(Clone, Copy, Debug, Default)]
struct Served {
    /// Bytes that moved, in both directions.
    bytes: usize,
    /// Some connection may have more.
    unread: bool,
    /// There is something to do for another round.
    more: bool,
}

impl Served {
    /// Whether it brought anything.
    const fn is_any(self) -> bool {
        self.bytes > 0 || self.unread || self.more
    }
}

impl<E: End + 'static> Task<E> {
    /// Rounds in one go before other tasks of the thread get theirs.
    const ROUNDS: usize = 16;
    /// Arrivals in one round.
    const ARRIVALS: usize = 16;
    /// Rounds after which a task counts as busy that has not waited.
    const QUIET_ROUNDS: usize = 2;
    /// Bytes that one turn of all connections moves where no more are to be expected at once.
    const SMALL: usize = 4 << 10;
    /// The shortest wait: a moment that has passed and brought nothing must not make the loop spin.
    const LEAST_WAIT: Duration = Duration::from_micros(100);
    /// How much too early the alarm may ring: the runtime counts in milliseconds.
    const EARLY: Duration = Duration::from_millis(1);
    /// Nearly all paths carry so many bytes in a datagram; where one does not, somebody will want to know.
    const USUAL_SIZE: u16 = 1_200;
    /// How long the last packets may take to leave.
    const END_PATIENCE: Duration = Duration::from_millis(200);

    /// The task of `link`, which is counted under these labels, can be asked so, and writes to `journal`.
    pub(super) fn new(
        end: E,
        mut roles: Roles,
        link: Link,
        shared: &Shared,
        (labels, asker): (LinkLabels, Asker),
        journal: LinkJournal,
    ) -> Self {
        let counters = shared.registry.of_link(labels.clone(), Some(asker));
        // Those that are asked to are those that were registered before.
        if shared.drain.is_set() {
            roles.drain();
        }
        Self {
            end,
            roles,
            link,
            conns: Conns::new(),
            flows: Flows::new(shared.udp_idle),
            records: Records::default(),
            noted: NotedState::new(),
            outbox: Outbox::new(shared.buffers.clone()),
            counters,
            core_counts: CoreCounts::default(),
            journal,
            shared: shared.clone(),
            labels,
            clock: shared.clock,
            idle_limit: shared.idle_limit,
            next_sweep: None,
            next_look: None,
            told_size: Self::USUAL_SIZE,
            leaving: None,
            former: Former::new(),
            alarm: Box::pin(sleep(Duration::ZERO)),
            alarm_at: None,
            due: Time::ZERO,
            turn: TurnWatch::new(),
            over: false,
        }
    }

    /// In a box, as the future would have room for it twice. Runs until the link is over, or until `shutdown` completes: then every stream is reset and the peer told.
    ///
    /// # Errors
    /// The socket is broken.
    pub(super) async fn run(mut self: Box<Self>, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        let result = poll_fn(|cx| match shutdown.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => self.poll(cx),
        })
        .await;
        if !self.over {
            self.end().await;
        }
        self.drop_streams();
        self.former.end().await;
        self.count_packets();
        result
    }

    async fn end(&mut self) {
        self.end.shutdown();
        self.roles.shutdown();
        self.link.close(EndCode::Shutdown);
        let sent = poll_fn(|cx| self.transmit(cx).map(drop));
        // One packet is what a peer that is not there is told, too.
        let _ = tokio::time::timeout(Self::END_PATIENCE, sent).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conns.register(cx.waker());
        self.flows.register(cx.waker());
        // Only an end that dials may have streams opened by its peer: it must stay up. Said of each link, as one may follow another.
        self.link.expect_streams(self.roles.dials());
        if let Some(waited) = self.turn.take() {
            self.link.streams().on_turn(self.clock.now(), waited);
        }
        let mut is_patient = false;
        for round in 0..Self::ROUNDS {
            let now = self.clock.now();
            // Each step says whether it has left something, not whether it has done something: a round in which nothing moves
            // costs as much as one in which a message does.
            let mut more = self.end.receive(cx, now, &mut self.link, &mut self.counters)?;
            more |= self.take_events(now);
            more |= self.arrivals(cx, now);
            self.look(now);
            // Whoever sends datagrams is in a hurry.
            more |= self.serve_flows(now);
            let served = self.serve(now);
            more |= served.more;
            if self.is_due(now, round) {
                self.link.handle_timeout(now);
                self.due = Time::NEVER;
                // Another round where the link has ended without an event: its side has somebody to tell.
                more |= self.drain(now) | self.link.has_ended();
            }
            self.sweep(now);
            self.leave_when_unused();
            let sent = self.transmit(cx);
            // What left may have made room for a writer.
            more |= self.drain(now);
            self.over |= self.end.is_over() && sent.is_ready();
            if self.over {
                return Poll::Ready(Ok(()));
            }
            more |= sent == Poll::Ready(true);
            // Nearly always nothing has followed a small message. It is not worth a round to see that.
            more = more || served.unread && self.serve(self.clock.now()).is_any();
            if !more && self.poll_alarm(cx, sent.is_ready(), &mut is_patient).is_pending() {
                if self.turn.give_up(self.counters.datagrams_sent) {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
        }
        self.count_packets();
        self.counters.publish_due(Instant::now());
        // It asks for the next in any case.
        let _ = self.turn.give_up(self.counters.datagrams_sent);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        // Where the peer is will be known later: an initiation that goes nowhere would only delay the next.
        if self.link.peer().port() == 0 {
            return Poll::Pending;
        }
        let now = self.clock.now();
        self.outbox.poll_send(cx, now, &mut self.link, &mut self.counters, &self.end)
    }

    fn arrivals(&mut self, cx: &mut Context<'_>, now: Time) -> bool {
        for _ in 0..Self::ARRIVALS {
            if let Poll::Ready(next) = self.end.poll_news(cx, now, &mut self.link, &mut self.counters) {
                self.follow(now, next);
                continue;
            }
            let arrival = self.roles.poll_arrival(cx, &self.end, &mut self.link, &mut self.counters);
            let Poll::Ready(arrival) = arrival else { return false };
            match arrival {
                LocalConnection::Client(client) => self.take_client(client),
                LocalConnection::Target(target) => self.take_target(target),
                LocalConnection::Failed(id, code, why) => self.refuse(now, id, code, &why),
                LocalConnection::Withdrawn(id, why) => self.withdraw(now, id, &why),
                LocalConnection::Asked(query) => self.answer(now, query),
                LocalConnection::Nothing => {}
            }
        }
        true
    }

    /// Whether the link has something to do now. What it said before the last wait may be too late by what this round has changed: before it
    /// waits the task asks again, and a busy one, which may go round many times until then, asks each time.
    fn is_due(&self, now: Time, round: usize) -> bool {
        let due = if round < Self::QUIET_ROUNDS { self.due } else { self.link.poll_timeout(now) };
        due <= now
    }

    /// Moves bytes between connections and streams.
    fn serve(&mut self, now: Time) -> Served {
        self.conns.take_woken();
        if !self.conns.has_work() {
            return Served::default();
        }
        let mut moved = Moved::default();
        self.conns.push(now, self.link.streams(), &mut moved);
        self.conns.pull(now, self.link.streams(), &mut moved);
        self.counters.sent_bytes += widen(moved.sent);
        self.counters.received_bytes += widen(moved.received);
        let ends = moved.has_ends();
        for (id, error) in moved.broken {
            let code = code_of(&error);
            self.link.streams().reset(now, id, code);
            self.over(id, Some(code), &error);
        }
        for (id, code) in moved.reset {
            self.link.streams().discard(id);
            self.over_by_peer(id, code);
        }
        let events = self.take_events(now);
        let (bytes, unread) = (moved.sent + moved.received, self.conns.has_work());
        let more = events || ends || self.flows.has_work() || unread && bytes > Self::SMALL;
        Served { bytes, unread, more }
    }

    /// Takes what the link has to say; whether it had anything.
    fn drain(&mut self, now: Time) -> bool {
        // Asked some times for each message, nearly always in vain.
        let any = self.link.has_events();
        if any {
            self.take_events(now);
        }
        any
    }

    /// The same. Says whether there was more than that a stream moves, which lists it: whatever else there was may have to do with
    /// steps of the round that lie behind.
    fn take_events(&mut self, now: Time) -> bool {
        let mut rare = false;
        while let Some(event) = self.link.poll_event() {
            rare |= !matches!(
                event,
                Event::Stream(
                    StreamEvent::Readable(_) | StreamEvent::Writable(_) | StreamEvent::DatagramReadable(_)
                )
            );
            match event {
                Event::Stream(event) => self.stream_event(now, event),
                Event::Restarted => {
                    self.counters.peer_restarts += 1;
                    self.drop_streams();
                    self.link_event(now, &event);
                }
                Event::Up { .. }
                | Event::Refused(_)
                | Event::Moved(_)
                | Event::Unreachable
                | Event::Keepalive(_)
                | Event::Heard
                | Event::Ended(_)
                | Event::Gone
                | Event::Broken(_) => self.link_event(now, &event),
            }
        }
        rare
    }

    fn link_event(&mut self, now: Time, event: &Event) {
        if matches!(event, Event::Ended(_) | Event::Gone | Event::Broken(_)) {
            self.drop_streams();
        }
        let next = self.end.event(now, event, &mut self.link, &mut self.counters);
        let peer = self.link.peer();
        self.counters.set_peer((peer.port() != 0).then_some(peer));
        self.note_state();
        self.follow(now, next);
    }

    fn follow(&mut self, now: Time, next: Next) {
        match next {
            Next::On => {}
            Next::Refuse(code) => self.cut_off(now, Duration::ZERO, code),
            Next::Replaced(code) => {
                self.cut_off(now, Duration::ZERO, code);
                self.drop_streams();
            }
            Next::Over => self.over = true,
        }
    }

    fn stream_event(&mut self, now: Time, event: StreamEvent) {
        if self.flow_event(&event) {
            return;
        }
        match event {
            StreamEvent::Incoming { id, target } => self.take_request(now, id, &target),
            StreamEvent::Opened(id) => {
                self.opened(id);
                self.roles.opened(id);
                self.conns.opened(id);
            }
            StreamEvent::Readable(id) => self.conns.readable(id),
            // A flow's; see `flow_event`.
            StreamEvent::DatagramReadable(_) => {}
            StreamEvent::Writable(id) => self.conns.writable(id),
            StreamEvent::Delivered(id) => self.conns.delivered(id),
            StreamEvent::Reset(id, code) if self.conns.has(id) => self.conns.reset(id, code),
            StreamEvent::Reset(id, code) => {
                self.link.streams().discard(id);
                self.over_by_peer(id, code);
            }
            StreamEvent::Closed(id) => {
                self.conns.close(id);
                self.over(id, None, &"finished");
            }
        }
    }
}
