//! proxy2's demultiplexer: takes every datagram from the socket, answers handshakes, hands the rest to the links' tasks.

use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::io::{self, IoSliceMut};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::sealed::crypto::cipher::SessionKeys;
use proto::sealed::crypto::keys::PublicKey;
use proto::sealed::endpoint::{DatagramEvent, Dropped, Endpoint, LinkKey};
use proto::sealed::handshake::terms::{Limits, Refusal};
use proto::sealed::link::{self, FourTuple, Link, SocketId};
use proto::sealed::streams::budget::Budget;
use proto::sealed::wire::end_code::EndCode;
use proto::ticket::record::Standing;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep_until;
use tracing::{debug, info};

use crate::clock::Clock;
use crate::descriptors;
use crate::entropy;
use crate::limit::{Limit, OWN};
use crate::link::sealed::buffers::{Buffer, RECEIVE_BUFFERS};
use crate::link::sealed::dialler::Dialler;
use crate::link::sealed::journal::LinkJournal;
use crate::link::sealed::roles::{RoleLimits, Roles};
use crate::link::sealed::server::poll_any::poll_any;
use crate::link::sealed::server::queue::{Command, LinkQueue, ReceivedBatch};
use crate::link::sealed::server::reply::reply;
use crate::link::sealed::server::runs::runs;
use crate::link::sealed::server::server_end::{Channels, Report, ServerEnd};
use crate::link::sealed::server::workers::{WorkerId, Workers};
use crate::link::sealed::task::{Shared, Task};
use crate::link::sealed::ticket_resources::TicketResources;
use crate::link::sealed::ticket_share::StreamPlaces;
use crate::local::access::Who;
use crate::local::dial::DialSettings;
use crate::local::forwarding::Forwarding;
use crate::metrics::{LinkKind, LinkLabels, OwnCounters};
use crate::number::widen;
use crate::rules::Rules;
use crate::settings::Allow;
use crate::state::{TicketName, TicketRules, Tickets};
use crate::udp::{RecvMeta, Udp};

/// What the demultiplexer is made of.
#[derive(Debug)]
pub(crate) struct DemuxParts {
    /// The table of links.
    pub(crate) endpoint: Endpoint,
    /// What all links share.
    pub(crate) shared: Shared,
    /// The sockets.
    pub(crate) sockets: Arc<[Udp]>,
    /// The tickets, as they change.
    pub(crate) tickets: Tickets,
    /// What is done for tickets that have no rules of their own.
    pub(crate) allow: Arc<Allow>,
    /// How targets are dialled: the limit of time, and what the connections are set to.
    pub(crate) dialling: DialSettings,
    /// Whose clients the first link carries to its proxy1; no option gives any yet.
    pub(crate) forwards: Vec<Forwarding>,
    /// Options of each link.
    pub(crate) settings: link::Settings,
    /// Memory for the stream data of all links.
    pub(crate) memory: Budget,
}

/// The demultiplexer.
#[derive(Debug)]
pub(crate) struct Demux {
    parts: DemuxParts,
    links: HashMap<LinkKey, RunningLink>,
    workers: Workers,
    names: HashMap<PublicKey, TicketName>,
    /// Of those tickets that have their own.
    rules: TicketRules,
    /// What each ticket that has had a link holds and may still have.
    resources: HashMap<PublicKey, Arc<TicketResources>>,
    places: StreamPlaces,
    reports: mpsc::UnboundedReceiver<Report>,
    to_reports: mpsc::UnboundedSender<Report>,
    tasks: JoinSet<io::Result<()>>,
    counters: OwnCounters,
    links_made: u64,
    refusals: Limit,
}

/// A link whose task runs.
#[derive(Debug)]
struct RunningLink {
    queue: LinkQueue,
    place: WorkerId,
}

impl Demux {
    /// Up to this many bytes are copied for a link; a buffer stays where it is.
    const SMALL: usize = 4 << 10;
    /// How long the links may take to end.
    const END_PATIENCE: Duration = Duration::from_millis(500);

    /// A demultiplexer that knows no links.
    pub(crate) fn new(parts: DemuxParts) -> Self {
        let (to_reports, reports) = mpsc::unbounded_channel();
        let mut demux = Self {
            links: HashMap::new(),
            workers: Workers::new(),
            names: HashMap::new(),
            rules: TicketRules::default(),
            resources: HashMap::new(),
            places: StreamPlaces::new(descriptors::for_connections()),
            reports,
            to_reports,
            tasks: JoinSet::new(),
            counters: parts.shared.registry.of_process(),
            links_made: 0,
            refusals: Limit::new(Instant::now()),
            parts,
        };
        demux.take_tickets();
        demux
    }

    /// The same, whose first link carries the clients of `forward` to its proxy1.
    #[cfg(test)]
    pub(crate) fn forwarding(mut self, forward: Forwarding) -> Self {
        self.parts.forwards.push(forward);
        self
    }

    /// Runs until `shutdown` completes, then ends every link.
    ///
    /// # Errors
    /// The socket is broken.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        let sockets = Arc::clone(&self.parts.sockets);
        let mut turn = 0;
        let mut buffers: [Buffer; RECEIVE_BUFFERS] =
            std::array::from_fn(|_| self.parts.shared.buffers.take());
        loop {
            let mut metas = [RecvMeta::default(); RECEIVE_BUFFERS];
            let mut bufs = buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
            let publish = self.counters.publish_due(Instant::now());
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(report) = self.reports.recv() => self.take_report(report),
                Ok(()) = self.parts.tickets.changed() => self.take_tickets(),
                received = poll_fn(|cx| poll_any(cx, &sockets, turn, &mut bufs, &mut metas)) => {
                    let (socket, count) = received?;
                    // One that always has something must not keep the others waiting.
                    turn = socket + 1;
                    for (meta, buffer) in metas.iter().zip(&mut buffers).take(count) {
                        self.take_in(socket, meta, buffer);
                    }
                    if count == RECEIVE_BUFFERS {
                        // There is more, but what is here already should not grow old.
                        yield_now().await;
                    }
                }
                () = wait(publish) => {}
            }
        }
        self.end().await;
        Ok(())
    }

    async fn end(&mut self) {
        for link in self.links.values() {
            link.queue.command(Command::Close(EndCode::Shutdown));
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Self::END_PATIENCE, all).await;
        self.tasks.shutdown().await;
    }

    fn take_report(&mut self, report: Report) {
        match report {
            Report::Retired(index) => self.parts.endpoint.retire(index),
            Report::Heard(key, at) => self.parts.endpoint.heard(self.parts.shared.clock.now(), key, at),
            Report::Ended(key) => self.parts.endpoint.end(key),
            Report::Over(key) => {
                if let Some(link) = self.links.remove(&key) {
                    self.workers.leave(link.place);
                }
                self.parts.endpoint.remove(key);
            }
        }
        while self.tasks.try_join_next().is_some() {}
    }

    /// Sorts one receive buffer. Datagrams that came merged are nearly always for one link, which then gets the buffer.
    fn take_in(&mut self, socket: usize, meta: &RecvMeta, buffer: &mut Buffer) {
        let local = self.parts.sockets.get(socket).and_then(|udp| udp.answer_from(meta));
        let socket = SocketId(u8::try_from(socket).expect("there are few sockets"));
        let from = FourTuple { remote: meta.addr, local, socket };
        let (len, stride) = (meta.len, meta.stride.max(1));
        let filled = buffer.get(..len).unwrap_or_default();
        let runs: Vec<(usize, usize)> = runs(filled, stride);
        if let [(0, end)] = runs.as_slice()
            && *end == len
            && len > Self::SMALL
        {
            let Some(queue) = self.route(from, filled.get(..stride).unwrap_or(filled)) else { return };
            let buffer = std::mem::replace(buffer, self.parts.shared.buffers.take());
            return self.post(&queue, ReceivedBatch { from, buffer, len, stride });
        }
        for (start, end) in runs {
            let run = filled.get(start..end).unwrap_or_default();
            let Some(queue) = self.route(from, run.get(..stride).unwrap_or(run)) else { continue };
            let (buffer, len) = (Buffer::copy(run), run.len());
            self.post(&queue, ReceivedBatch { from, buffer, len, stride });
        }
    }

    fn post(&mut self, queue: &LinkQueue, batch: ReceivedBatch) {
        let datagrams = batch.len.div_ceil(batch.stride);
        if !queue.post(batch) {
            self.counters.datagrams_busy += widen(datagrams);
        }
    }

    /// The queue that the datagram is for; everything that is for no link is dealt with here.
    fn route(&mut self, from: FourTuple, datagram: &[u8]) -> Option<LinkQueue> {
        let now = self.parts.shared.clock.now();
        match self.parts.endpoint.handle(now, Clock::unix(), from.remote, datagram) {
            DatagramEvent::Link(key) => return self.links.get(&key).map(|link| link.queue.clone()),
            DatagramEvent::Drop(Dropped::Malformed) => self.counters.datagrams_malformed += 1,
            DatagramEvent::Drop(Dropped::Stray) => self.counters.datagrams_stray += 1,
            DatagramEvent::Drop(Dropped::Handshake(_)) => self.counters.datagrams_unanswered += 1,
            DatagramEvent::Reply { bytes, refused } => {
                if let Some((client, why)) = refused {
                    self.note_refused(client, why);
                }
                self.reply(from, &bytes);
            }
            DatagramEvent::Session { link, session, response } => {
                // The link's task answers, behind the packets that came before: only it knows whether they have ended the link.
                self.command(Some(link), Command::Session { session, response, from });
            }
            DatagramEvent::Full { ask } => {
                self.counters.datagrams_unanswered += 1;
                self.command(Some(ask), Command::Vacate);
            }
            DatagramEvent::New { link, client, session, limits, rival, response } => {
                self.command(rival, Command::Challenge);
                self.start_link(link, from, &client, *session, limits);
                self.reply(from, &response);
            }
        }
        None
    }

    fn command(&self, link: Option<LinkKey>, command: Command) {
        if let Some(link) = link.and_then(|link| self.links.get(&link)) {
            link.queue.command(command);
        }
    }

    fn start_link(
        &mut self,
        key: LinkKey,
        from: FourTuple,
        client: &PublicKey,
        session: SessionKeys,
        limits: Limits,
    ) {
        let queue = LinkQueue::default();
        self.links_made += 1;
        let now = self.parts.shared.clock.now();
        let ticket = self.resources_of(client);
        let dialler = Dialler::new(self.parts.dialling.clone(), Arc::clone(&ticket));
        let forwards = std::mem::take(&mut self.parts.forwards);
        // proxy2's clients wait as long as the link lives.
        let of_clients =
            RoleLimits { max_streams: self.parts.settings.transport.max_streams, patience: Duration::MAX };
        let link = Link::server(now, from, session, limits, self.parts.settings, entropy::random());
        let link = link.sharing(ticket.memory());
        let (number, shared) = (self.links_made, self.parts.shared.clone());
        let channels = Channels {
            queue: queue.clone(),
            reports: self.to_reports.clone(),
            sockets: Arc::clone(&self.parts.sockets),
        };
        let labels = LinkLabels {
            kind: LinkKind::Sealed,
            number,
            ticket: Some(ticket.name().to_owned()),
            peer: Some(from.remote),
        };
        // Made where it runs: its timers belong to that thread.
        let task = async move {
            let journal = LinkJournal::new(number, ticket.stream_lines());
            let roles = Roles::new(of_clients).forwarding(forwards).dialling(dialler);
            let end = ServerEnd::new(key, number, ticket, channels);
            Task::new(end, roles, link, &shared, labels, journal).run(pending()).await
        };
        let place = self.workers.spawn(&mut self.tasks, task);
        self.links.insert(key, RunningLink { queue, place });
    }

    /// What the ticket of a client has: the same for all its links.
    fn resources_of(&mut self, client: &PublicKey) -> Arc<TicketResources> {
        if let Some(known) = self.resources.get(client) {
            return Arc::clone(known);
        }
        let name = self.names.get(client).map(TicketName::to_string).unwrap_or_default();
        let allow = Allow { target: self.parts.allow.target.clone(), rules: self.rules_of(client) };
        let memory = self.parts.memory.part();
        let new = TicketResources::new(Who::Ticket(name), &allow, self.places.share(), memory);
        Arc::clone(self.resources.entry(*client).or_insert_with(|| Arc::new(new)))
    }

    fn note_refused(&mut self, client: PublicKey, why: Refusal) {
        if why == Refusal::ClockOff {
            // It returns the challenge and comes in; the user at its side is told.
            return debug!(%client, ticket = self.name_of(&client), "a proxy1's clock is off: challenged");
        }
        self.counters.handshakes_refused += 1;
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            let ticket = self.name_of(&client);
            info!(%client, ticket, reason = %why, held_back, "a proxy1 was refused");
        }
    }

    fn name_of(&self, client: &PublicKey) -> Option<&str> {
        self.names.get(client).map(TicketName::as_str)
    }

    fn reply(&mut self, to: FourTuple, contents: &[u8]) {
        reply(&self.parts.sockets, &mut self.counters, to, contents);
    }

    /// Replaces the clients that are let in by the holders of valid tickets.
    fn take_tickets(&mut self) {
        let list = self.parts.tickets.get();
        let mut names = HashMap::new();
        for record in &list.records {
            names.insert(record.client, record.name.clone());
            match &record.standing {
                Standing::Valid { preshared } => self.parts.endpoint.allow(record.client, preshared.clone()),
                Standing::Revoked => self.revoke(record.client, record.name.as_str()),
            }
        }
        let gone: Vec<_> = self.names.iter().filter(|(client, _)| !names.contains_key(client)).collect();
        let gone: Vec<_> = gone.into_iter().map(|(client, name)| (*client, name.clone())).collect();
        gone.iter().for_each(|(client, name)| self.revoke(*client, name.as_str()));
        self.resources.retain(|client, _| names.contains_key(client));
        self.names = names;
        self.rules = list.rules.clone();
        for (client, ticket) in &self.resources {
            ticket.set_rules(self.rules_of(client));
        }
        self.parts.tickets.taken(&list);
    }

    /// What the ticket of a client may do: by its own rules, or by those of all without.
    fn rules_of(&self, client: &PublicKey) -> Rules {
        let own = self.names.get(client).and_then(|name| self.rules.get(name));
        own.unwrap_or(&self.parts.allow.rules).clone()
    }

    fn revoke(&mut self, client: PublicKey, name: &str) {
        let links = self.parts.endpoint.revoke(client);
        if !links.is_empty() {
            info!(target: OWN, ticket = name, links = links.len(), "ticket revoked: its links end");
        }
        for link in links.iter().filter_map(|key| self.links.get(key)) {
            link.queue.command(Command::Close(EndCode::Revoked));
        }
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => pending().await,
    }
}
