//! proxy2's demultiplexer: takes every datagram from the socket, answers handshakes, hands the rest to the links' tasks.

mod hints;
mod predecessor;
mod sorting;
pub(crate) mod successor;
mod tickets;

use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::io::{self, IoSliceMut};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::sealed::crypto::cipher::SessionKeys;
use proto::sealed::crypto::keys::PublicKey;
use proto::sealed::endpoint::{Endpoint, LinkKey};
use proto::sealed::handshake::terms::Limits;
use proto::sealed::link::{self, FourTuple, Link};
use proto::sealed::streams::budget::Budget;
use proto::sealed::wire::end_code::EndCode;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep_until;

use self::hints::Hints;
use self::predecessor::Predecessor;
use self::successor::{HandOver, Successor};
use crate::control::server::{Entrance, Exchange, LinkPort, Reach};
use crate::descriptors;
use crate::entropy;
use crate::handover::{Channel, OtherProcess};
use crate::limit::Limit;
use crate::link::asking::Asker;
use crate::link::sealed::buffers::{Buffer, RECEIVE_BUFFERS};
use crate::link::sealed::dialler::Dialler;
use crate::link::sealed::journal::LinkJournal;
use crate::link::sealed::presence::Presence;
use crate::link::sealed::requests::{RequestSender, requests};
use crate::link::sealed::roles::{RoleLimits, Roles};
use crate::link::sealed::server::heard::{Heard, HeardLinks};
use crate::link::sealed::server::poll_any::poll_any;
use crate::link::sealed::server::queue::{Command, LinkQueue};
use crate::link::sealed::server::reply::reply;
use crate::link::sealed::server::server_end::{Channels, Report, ServerEnd};
use crate::link::sealed::server::workers::{WorkerId, Workers};
use crate::link::sealed::task::{Shared, Task};
use crate::link::sealed::ticket_resources::{MAX_RELAYS, TicketResources};
use crate::link::sealed::ticket_share::StreamPlaces;
use crate::local::access::Who;
use crate::local::dial::DialSettings;
use crate::local::udp::SeenAddress;
use crate::metrics::{LinkKind, LinkLabels, OwnCounters};
use crate::names::Publication;
use crate::settings::Allow;
use crate::state::{TicketName, TicketRules, Tickets};
use crate::udp::{RecvMeta, Udp};
use tracing::info;

/// What the demultiplexer is made of.
#[derive(Debug)]
pub(crate) struct DemuxParts {
    /// The table of links.
    pub(crate) endpoint: Endpoint,
    /// What all links share.
    pub(crate) shared: Shared,
    /// Where the keys and tickets are, if they are in a folder.
    pub(crate) folder: Option<PathBuf>,
    /// The sockets.
    pub(crate) sockets: Arc<[Udp]>,
    /// The tickets, as they change.
    pub(crate) tickets: Tickets,
    /// What is done for tickets that have no rules of their own.
    pub(crate) allow: Arc<Allow>,
    /// How targets are dialled: the limit of time, and what the connections are set to.
    pub(crate) dialling: DialSettings,
    /// What all links share: names, and where it listens for others.
    pub(crate) exchange: Exchange,
    /// Its own listeners.
    pub(crate) entrances: Vec<Entrance>,
    /// What it publishes itself.
    pub(crate) _publications: Vec<Publication<Reach>>,
    /// Options of each link.
    pub(crate) settings: link::Settings,
    /// Memory for the stream data of all links.
    pub(crate) memory: Budget,
    /// What has to do with the processes before and after this one.
    pub(crate) succession: Succession,
}

/// How a demultiplexer takes over from another process, and hands over to one.
#[derive(Debug)]
pub(crate) struct Succession {
    /// The way to the process that it takes over from, if from one.
    pub(crate) channel: Option<Channel>,
    /// Processes that want to take over.
    pub(crate) asked: mpsc::Receiver<HandOver>,
    /// Told how it is with the process before this one.
    pub(crate) predecessor: watch::Sender<Option<OtherProcess>>,
    /// Told which process reads the sockets instead of this one.
    pub(crate) successor: watch::Sender<Option<u32>>,
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
    relays: StreamPlaces,
    reports: mpsc::UnboundedReceiver<Report>,
    to_reports: mpsc::UnboundedSender<Report>,
    heard: HeardLinks,
    tasks: JoinSet<io::Result<()>>,
    predecessor: Option<Predecessor>,
    successor: Option<Successor>,
    /// Another process has taken over: this one ends with its last link.
    is_succeeded: bool,
    /// Asks the links to go, which are left here then.
    leaving: JoinSet<()>,
    counters: OwnCounters,
    links_made: u64,
    refusals: Limit,
    hints: Hints,
}

/// A link whose task runs.
#[derive(Debug)]
struct RunningLink {
    queue: LinkQueue,
    requests: RequestSender,
    place: WorkerId,
}

impl Demux {
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
            relays: StreamPlaces::new(MAX_RELAYS),
            reports,
            to_reports,
            heard: HeardLinks::default(),
            tasks: JoinSet::new(),
            predecessor: None,
            successor: None,
            is_succeeded: false,
            leaving: JoinSet::new(),
            counters: parts.shared.registry.of_process(),
            links_made: 0,
            refusals: Limit::new(Instant::now()),
            hints: Hints::new(parts.folder.clone()),
            parts,
        };
        demux.take_tickets();
        demux
    }

    /// The same with all links on the thread that runs it.
    #[cfg(test)]
    pub(crate) fn on_one_thread(self) -> Self {
        Self { workers: Workers::alone(), ..self }
    }

    /// Takes over from another process when it runs.
    pub(crate) fn follow(&mut self, channel: Channel) {
        self.parts.succession.channel = Some(channel);
    }

    /// Runs until `shutdown` completes, then ends every link. Once another process has taken over, until the last link has ended.
    ///
    /// # Errors
    /// The socket is broken; the process before this one does not hand over.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        if !self.take_over(shutdown.as_mut()).await? {
            return Ok(());
        }
        let mut entrances = self.open_entrances();
        let drain = self.parts.shared.drain.clone();
        let mut drain = pin!(drain.wait());
        let sockets = Arc::clone(&self.parts.sockets);
        let mut turn = 0;
        let mut buffers: [Buffer; RECEIVE_BUFFERS] =
            std::array::from_fn(|_| self.parts.shared.buffers.take());
        loop {
            let mut metas = [RecvMeta::default(); RECEIVE_BUFFERS];
            let mut bufs = buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
            let publish = self.counters.publish_due(Instant::now());
            self.tell_indices();
            if self.is_succeeded && self.links.is_empty() {
                info!("the last link has ended: this process is not needed any more");
                break;
            }
            let reads = !self.successor.as_ref().is_some_and(Successor::reads);
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(report) = self.reports.recv() => self.take_report(report),
                Ok(()) = self.parts.tickets.changed() => self.take_tickets(),
                Some(asked) = self.parts.succession.asked.recv() => self.begin_hand_over(asked),
                happened = Successor::next_of(self.successor.as_mut()) => self.note_successors(happened)?,
                said = Predecessor::next_of(self.predecessor.as_mut()) => self.note_predecessor(said),
                () = &mut drain, if !entrances.is_empty() => entrances = JoinSet::new(),
                received = poll_fn(|cx| poll_any(cx, &sockets, turn, &mut bufs, &mut metas)), if reads => {
                    let (socket, count) = received?;
                    // One that always has something must not keep the others waiting.
                    turn = socket + 1;
                    self.take_heard();
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

    /// Lets the clients of its own listeners in, until what is returned is dropped.
    fn open_entrances(&mut self) -> JoinSet<()> {
        let (places, memory) = (self.places.share(), self.parts.memory.part());
        let own = TicketResources::new(Who::Proxy2, &Allow::default(), places, memory);
        let own = Arc::new(own.relaying(self.relays.share()));
        let entrances = std::mem::take(&mut self.parts.entrances).into_iter();
        entrances.map(|entrance| entrance.serve(self.parts.exchange.clone(), Arc::clone(&own))).collect()
    }

    async fn end(&mut self) {
        for link in self.links.values() {
            link.queue.command(Command::Close(EndCode::Shutdown));
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Self::END_PATIENCE, all).await;
        self.tasks.shutdown().await;
        // What the links have said last.
        while let Ok(report) = self.reports.try_recv() {
            self.take_report(report);
        }
        if let Some(successor) = self.successor.take() {
            successor.finish().await;
        }
    }

    fn take_heard(&mut self) {
        for (link, Heard { at, peer }) in self.heard.take() {
            self.parts.endpoint.heard(at, link, peer);
        }
    }

    fn take_report(&mut self, report: Report) {
        // Before a link is over, whose key the next one may have.
        self.take_heard();
        match report {
            Report::Retired(index) => self.parts.endpoint.retire(index),
            Report::Ended(key) => {
                self.tell_ended(self.parts.endpoint.name_of(key));
                self.parts.endpoint.end(key);
            }
            Report::Over(key) => {
                self.tell_ended(self.parts.endpoint.name_of(key));
                if let Some(link) = self.links.remove(&key) {
                    self.workers.leave(link.place);
                }
                self.parts.endpoint.remove(key);
            }
        }
        while self.tasks.try_join_next().is_some() {}
        while self.leaving.try_join_next().is_some() {}
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
        let (requests, asked) = requests();
        let presence = Arc::new(Presence::new(queue.clone()));
        let exchange = self.parts.exchange.clone();
        let asker = Asker::Sealed(requests.clone());
        let to_ask = requests.clone();
        let seen = SeenAddress::new(from.remote);
        let port =
            LinkPort::new(exchange, Arc::clone(&ticket), requests, Arc::clone(&presence), seen.clone());
        let max_streams = self.parts.settings.transport.max_streams;
        // What it lets the peer open is not what the peer takes.
        let takes = max_streams.min(usize::try_from(limits.streams).unwrap_or(usize::MAX));
        let dialler = Dialler::new(self.parts.dialling.clone(), Arc::clone(&ticket)).serving(port, takes);
        // proxy2's clients wait as long as the link lives.
        let of_clients = RoleLimits { max_streams, patience: Duration::MAX };
        let link = Link::server(now, from, session, limits, self.parts.settings, entropy::random());
        let link = link.sharing(ticket.memory());
        let (number, shared) = (self.links_made, self.parts.shared.clone());
        let channels = Channels {
            queue: queue.clone(),
            reports: self.to_reports.clone(),
            heard: self.heard.clone(),
            sockets: Arc::clone(&self.parts.sockets),
            presence,
            seen,
        };
        let labels = LinkLabels {
            kind: LinkKind::Sealed,
            number,
            ticket: Some(ticket.name().to_owned()),
            peer: Some(from.remote),
        };
        // What the task is made of waits for it in a box: the room that it would have in the task itself would stay.
        let parts = Box::new((link, dialler, asked, channels, labels, asker));
        // Made where it runs: its timers belong to that thread.
        let task = async move {
            let task = {
                // The box ends with this block, and not with the link.
                let parts = parts;
                let (link, dialler, asked, channels, labels, asker) = *parts;
                let journal = LinkJournal::new(number, Some(ticket.name().into()), ticket.stream_lines());
                let roles = Roles::new(of_clients).asked_by(asked).dialling(dialler);
                let end = ServerEnd::new(key, number, ticket, channels);
                Box::new(Task::new(end, roles, link, &shared, (labels, asker), journal))
            };
            task.run(pending()).await
        };
        let place = self.workers.spawn(&mut self.tasks, task);
        self.links.insert(key, RunningLink { queue, requests: to_ask, place });
    }

    fn reply(&mut self, to: FourTuple, contents: &[u8]) {
        reply(&self.parts.sockets, &mut self.counters, to, contents);
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => pending().await,
    }
}
