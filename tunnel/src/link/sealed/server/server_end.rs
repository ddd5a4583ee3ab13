//! proxy2's end of one sealed link: datagrams from the demultiplexer.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::Time;
use proto::sealed::endpoint::LinkKey;
use proto::sealed::link::{Event, Link, SocketId};
use proto::sealed::wire::end_code::EndCode;
use proto::sealed::wire::frame::ResetCode;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Sleep, sleep};
use tracing::{debug, info, warn};

use crate::link::sealed::end::{End, Next};
use crate::link::sealed::presence::Presence;
use crate::link::sealed::server::heard::{Heard, HeardLinks};
use crate::link::sealed::server::queue::{Command, LinkQueue, ReceivedBatch};
use crate::link::sealed::server::reply::reply;
use crate::link::sealed::ticket_resources::TicketResources;
use crate::local::udp::SeenAddress;
use crate::metrics::Counters;
use crate::ready::KnownTask;
use crate::udp::Udp;

/// What a link's task tells the demultiplexer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// The link does not use this index any more.
    Retired(u32),
    /// The link has ended, but is not over.
    Ended(LinkKey),
    /// The link is over.
    Over(LinkKey),
}

/// How a link's task and the rest of the process reach each other, and its peer.
#[derive(Debug)]
pub(crate) struct Channels {
    /// From the demultiplexer.
    pub(crate) queue: LinkQueue,
    /// To the demultiplexer.
    pub(crate) reports: UnboundedSender<Report>,
    /// The same, for what need not wake it.
    pub(crate) heard: HeardLinks,
    /// To the peer.
    pub(crate) sockets: Arc<[Udp]>,
    /// What others know of the peer.
    pub(crate) presence: Arc<Presence>,
    /// Told where the peer is.
    pub(crate) seen: SeenAddress,
}

/// One link's queue, and what is known of its peer.
#[derive(Debug)]
pub(crate) struct ServerEnd {
    key: LinkKey,
    number: u64,
    ticket: Arc<TicketResources>,
    channels: Channels,
    /// Whom the queue wakes.
    task: KnownTask,
    batches: VecDeque<ReceivedBatch>,
    commands: VecDeque<Command>,
    /// When the demultiplexer was last told that the peer is heard.
    told_heard: Option<Time>,
    /// Others wait to know whether the peer is there.
    is_asked: bool,
    /// The demultiplexer was told that the link has ended.
    told_ended: bool,
    up: bool,
    /// It was told to end, or never began.
    over: bool,
    /// Until then the peer must have shown that the handshake was not an old one, sent again. `None`: it has.
    proof: Option<Pin<Box<Sleep>>>,
}

impl ServerEnd {
    /// Batches in one go before TCP and other links of the thread get their turn: 4 MB at the most.
    const BATCHES: usize = 64;
    /// How long the first packet of a link may take.
    const PROOF: Duration = Duration::from_secs(10);
    /// How often to tell that the peer is heard: twice in the shortest silence that means anything.
    const HEARD_AGAIN: Duration = Duration::from_millis(500);

    /// The end of the link `key`, called `number` in the log.
    pub(crate) fn new(key: LinkKey, number: u64, ticket: Arc<TicketResources>, channels: Channels) -> Self {
        Self {
            key,
            number,
            ticket,
            channels,
            task: KnownTask::default(),
            batches: VecDeque::new(),
            commands: VecDeque::new(),
            told_heard: None,
            is_asked: false,
            told_ended: false,
            up: false,
            over: false,
            proof: Some(Box::pin(sleep(Self::PROOF))),
        }
    }

    fn obey(&mut self, now: Time, command: Command, link: &mut Link, counters: &mut Counters) {
        match command {
            Command::Session { session, response, from } => {
                // Else the client asks again, and there is another link for it by then.
                if link.add_session(now, *session) {
                    reply(&self.channels.sockets, counters, from, &response);
                }
            }
            Command::Challenge => link.check_liveness(now),
            Command::ProbeLiveness => self.probe_liveness(now, link),
            Command::Vacate => link.vacate(now),
            Command::Close(code) => {
                link.close(code);
                self.over = true;
            }
        }
    }

    /// Tells that authentic packets come: of the first at once, then not of each.
    fn report_heard(&mut self, link: &Link) {
        let heard = link.heard_at();
        if link.is_up() && self.told_heard.is_none_or(|told| heard >= told + Self::HEARD_AGAIN) {
            self.told_heard = Some(heard);
            self.channels.heard.tell(self.key, Heard { at: heard, peer: link.peer() });
        }
    }

    /// Asks the peer whether it is there, unless that is known.
    fn probe_liveness(&mut self, now: Time, link: &mut Link) {
        if !link.probe_liveness(now) {
            return self.settle(link.has_ended());
        }
        self.is_asked = true;
        if self.channels.presence.is_silent() {
            // Nobody waits for it each time.
            self.settle(true);
        }
    }

    /// Others know now whether the peer is there.
    fn settle(&mut self, is_silent: bool) {
        self.is_asked = false;
        self.channels.presence.settle(is_silent);
    }

    /// Tells that the link has ended, before its peer is told: whatever it asks for then is not for this link.
    fn report_ended(&mut self, link: &Link) {
        if link.has_ended() && !std::mem::replace(&mut self.told_ended, true) {
            self.report(Report::Ended(self.key));
        }
    }

    fn report(&self, report: Report) {
        // Fails only when the demultiplexer has ended, which then needs no reports.
        let _ = self.channels.reports.send(report);
    }
}

impl End for ServerEnd {
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        link: &mut Link,
        counters: &mut Counters,
    ) -> io::Result<bool> {
        if self.task.is_news(cx.waker()) {
            self.channels.queue.register(cx.waker());
        }
        if self.batches.is_empty() {
            self.channels.queue.take(&mut self.batches, &mut self.commands);
        }
        for mut batch in self.batches.drain(..self.batches.len().min(Self::BATCHES)) {
            let (filled, _) = batch.buffer.split_at_mut(batch.len);
            for datagram in filled.chunks_mut(batch.stride.max(1)) {
                counters.datagrams_received += 1;
                link.handle_marked(now, batch.from, batch.ecn, datagram);
            }
        }
        self.report_heard(link);
        if self.is_asked && link.heard_at() == now {
            self.settle(false);
        }
        // What came before them may end the link.
        while self.batches.is_empty()
            && let Some(command) = self.commands.pop_front()
        {
            self.obey(now, command, link, counters);
        }
        self.report_ended(link);
        while let Some(index) = link.poll_retired() {
            self.report(Report::Retired(index));
        }
        Ok(!self.batches.is_empty())
    }

    fn poll_news(
        &mut self,
        cx: &mut Context<'_>,
        _now: Time,
        link: &mut Link,
        _counters: &mut Counters,
    ) -> Poll<Next> {
        let is_late = self.proof.as_mut().is_some_and(|proof| proof.as_mut().poll(cx).is_ready());
        if self.over || !is_late {
            return Poll::Pending;
        }
        self.over = true;
        if let Some(held_back) = self.ticket.pass_link_line() {
            let (link, peer, ticket) = (self.number, link.peer(), self.ticket.name());
            warn!(
                link, ticket, %peer, held_back,
                "a proxy1 asks and does not go on when it is answered: do answers reach it? See whether something on the way, or this \
                 machine's firewall, drops UDP from here"
            );
        }
        Poll::Ready(Next::On)
    }

    fn admit(&self, _link: &Link, _patience: Duration) -> Result<(), (ResetCode, &'static str)> {
        Ok(())
    }

    fn event(&mut self, _now: Time, event: &Event, link: &mut Link, counters: &mut Counters) -> Next {
        match event {
            Event::Up { .. } => {
                self.proof = None;
                if !std::mem::replace(&mut self.up, true) {
                    counters.links_established += 1;
                    counters.links_up = 1;
                    if let Some(held_back) = self.ticket.pass_link_line() {
                        let (link, peer, ticket) = (self.number, link.peer(), self.ticket.name());
                        info!(link, ticket, %peer, held_back, "link up");
                    }
                }
                return Next::On;
            }
            Event::Moved(to) => {
                self.channels.seen.set(*to);
                counters.address_changes += 1;
                // Whoever repeats its packets from elsewhere can make a peer move: no line for each.
                debug!(link = self.number, peer = %to, "the peer's address has changed");
                return Next::On;
            }
            Event::Unreachable | Event::Heard => {
                self.settle(*event == Event::Unreachable);
                return Next::On;
            }
            Event::Stream(_) | Event::Refused(_) | Event::Restarted | Event::Keepalive(_) => return Next::On,
            Event::Ended(ended) => {
                if let Some(held_back) = self.ticket.pass_link_line() {
                    info!(link = self.number, reason = %ended, held_back, "link ended by proxy1");
                }
            }
            Event::Gone => {
                if let Some(held_back) = self.ticket.pass_link_line() {
                    info!(link = self.number, held_back, "link gone: proxy1 does not answer any more");
                }
            }
            Event::Broken(fault) => {
                if let Some(held_back) = self.ticket.pass_link_line() {
                    warn!(link = self.number, %fault, held_back, "link ended: proxy1 broke the protocol");
                }
            }
        }
        self.up = false;
        // Else it would look as if the peer had never gone on after the first answer.
        self.over = true;
        counters.links_up = 0;
        Next::Over
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn socket(&self, id: SocketId) -> Option<&Udp> {
        self.channels.sockets.get(usize::from(id.0))
    }

    fn close(&mut self, link: &mut Link) {
        link.close(EndCode::Shutdown);
        self.over = true;
    }

    fn shutdown(&mut self) {}
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.settle(true);
        self.report(Report::Over(self.key));
    }
}
