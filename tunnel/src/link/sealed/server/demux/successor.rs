//! The process that takes over from this one, as this one sees it: it reads the sockets, and passes on what is for the links here.

use std::future::pending;
use std::io;
use std::time::Duration;

use proto::destination::Destination;
use proto::sealed::crypto::keys::PublicKey;
use proto::sealed::endpoint::DatagramEvent;
use proto::sealed::endpoint::handover::{Estate, IndexChange, LinkName};
use proto::sealed::link::{FourTuple, SocketId};
use tokio::sync::oneshot;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout};
use tracing::{info, warn};

use super::Demux;
use crate::clock::Clock;
use crate::handover::wire::{MOST_IN_LIST, Message, PassedBatch};
use crate::handover::{Channel, Incoming, Outgoing, start};
use crate::link::asking::LinkQuery;
use crate::link::sealed::buffers::Buffer;
use crate::link::sealed::requests::{LinkRequest, RequestSender};
use crate::link::sealed::server::queue::{Command, ReceivedBatch};
use crate::local::pipe::pipe;
use crate::number::widen;

/// How long the process that takes over may take until it is ready.
const READY: Duration = Duration::from_secs(60);
/// How often it is told how many links are left.
const FIGURES: Duration = Duration::from_secs(1);
/// Links that are asked to move, one after the other: each makes a handshake at the other process, whose number is limited.
const BETWEEN_MOVES: Duration = Duration::from_millis(4);
/// Messages that are looked at before others get their turn.
const IN_ONE_GO: usize = 64;
/// How long a client may take to answer that it moves.
const MOVING: Duration = Duration::from_secs(10);

/// Another process wants to take over.
#[derive(Debug)]
pub(crate) struct HandOver {
    /// The way to it.
    pub(crate) channel: Channel,
    /// Told what has come of it.
    pub(crate) answer: oneshot::Sender<Result<(), NotHandedOver>>,
}

/// Why another process does not take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHandedOver {
    /// Another one is about to.
    #[error("another process is taking over from this one already")]
    Another,
    /// The one before this one has not ended.
    #[error(
        "the proxy2 that this one took over from (process {pid}) still has links: wait until it has ended, or end it with \
         `paso drain 0 --pid {pid}`"
    )]
    Predecessor {
        /// Which process that is.
        pid: u32,
    },
    /// It has ended, or did not come to it in time.
    #[error("the process that was to take over has ended, or was not ready within a minute")]
    Gone,
    /// There is nothing that it could take over.
    #[error("only a proxy2 with sealed links hands over what it has")]
    Kind,
    /// The session is over.
    #[error("this proxy2 is ending")]
    Ending,
}

/// The process that takes over, or is about to.
#[derive(Debug)]
pub(super) struct Successor {
    pid: u32,
    out: Outgoing,
    incoming: Incoming,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It is not ready.
    Waiting { until: Instant, answer: oneshot::Sender<Result<(), NotHandedOver>> },
    /// It reads the sockets.
    Reading { figures: Interval },
}

/// What happens with the process that takes over.
#[derive(Debug)]
pub(super) enum Happened {
    /// It says something.
    Said(Message),
    /// It is gone, or was not ready in time.
    Gone,
    /// It is to be told how many links are left.
    FiguresDue,
}

impl Successor {
    /// What happens next. Cancel safe.
    async fn next(&mut self) -> Happened {
        let heard = |message: Option<Message>| message.map_or(Happened::Gone, Happened::Said);
        match &mut self.stage {
            Stage::Waiting { until, .. } => {
                timeout(until.duration_since(Instant::now()), self.incoming.recv())
                    .await
                    .map_or(Happened::Gone, heard)
            }
            Stage::Reading { figures } => tokio::select! {
                biased;
                message = self.incoming.recv() => heard(message),
                _ = figures.tick() => Happened::FiguresDue,
            },
        }
    }

    pub(super) async fn next_of(successor: Option<&mut Self>) -> Happened {
        match successor {
            Some(successor) => successor.next().await,
            None => pending().await,
        }
    }

    /// It knows all that it was told before this process ends.
    pub(super) async fn finish(self) {
        self.out.finish().await;
    }

    pub(super) const fn reads(&self) -> bool {
        matches!(self.stage, Stage::Reading { .. })
    }
}

impl Demux {
    /// Another process wants to take over: it is heard until it is ready. Meanwhile all goes on here.
    pub(super) fn begin_hand_over(&mut self, asked: HandOver) {
        let HandOver { channel, answer } = asked;
        // Whoever has asked may have gone.
        if self.successor.is_some() {
            let _ = answer.send(Err(NotHandedOver::Another));
            return;
        }
        if let Some(pid) = self.predecessor_pid() {
            let _ = answer.send(Err(NotHandedOver::Predecessor { pid }));
            return;
        }
        let pid = channel.pid;
        let (out, incoming) = start(channel);
        let stage = Stage::Waiting { until: Instant::now() + READY, answer };
        self.successor = Some(Successor { pid, out, incoming, stage });
    }

    /// Something happened with the process that takes over, and it may have said more: a datagram of its should cost little more than one
    /// of the socket.
    ///
    /// # Errors
    /// The sockets cannot be read again.
    pub(super) fn note_successors(&mut self, happened: Happened) -> io::Result<()> {
        self.note_successor(happened)?;
        for _ in 0..IN_ONE_GO {
            let more = self.successor.as_mut().and_then(|successor| successor.incoming.try_recv().ok());
            let Some(more) = more else { break };
            self.note_successor(Happened::Said(more))?;
        }
        Ok(())
    }

    /// Something happened with the process that takes over.
    ///
    /// # Errors
    /// The sockets cannot be read again.
    fn note_successor(&mut self, happened: Happened) -> io::Result<()> {
        let reads = self.successor.as_ref().is_some_and(Successor::reads);
        match happened {
            Happened::Said(Message::Ready) if !reads => self.hand_over()?,
            Happened::Said(Message::Datagrams(batch)) if reads => self.take_passed(batch),
            Happened::Said(Message::Doubt(name)) if reads => {
                self.command(self.parts.endpoint.find(name), Command::Challenge);
            }
            Happened::FiguresDue => self.tell_figures(),
            Happened::Said(_) | Happened::Gone => self.lose_successor()?,
        }
        Ok(())
    }

    /// From now on the other process reads the sockets. What arrives in between waits in them.
    fn hand_over(&mut self) -> io::Result<()> {
        let Some(successor) = &mut self.successor else { return Ok(()) };
        for udp in &*self.parts.sockets {
            udp.set_reading(false)?;
        }
        let Estate { lane, links, indices, stamps } = self.parts.endpoint.hand_over(Clock::unix());
        for links in links.chunks(MOST_IN_LIST) {
            successor.out.say(&Message::Links(links.to_vec()));
        }
        let indices: Vec<_> = indices.into_iter().map(|index| IndexChange { index, is_used: true }).collect();
        for indices in indices.chunks(MOST_IN_LIST) {
            successor.out.say(&Message::Indices(indices.to_vec()));
        }
        for stamps in stamps.chunks(MOST_IN_LIST) {
            successor.out.say(&Message::Stamps(stamps.to_vec()));
        }
        successor.out.say(&Message::Begin(lane));
        let mut figures = interval(FIGURES);
        figures.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let before = std::mem::replace(&mut successor.stage, Stage::Reading { figures });
        if let Stage::Waiting { answer, .. } = before {
            let _ = answer.send(Ok(()));
        }
        let pid = successor.pid;
        self.parts.succession.successor.send_replace(Some(pid));
        self.parts.shared.drain.set();
        info!(successor = pid, links = self.links.len(), "handed over: another process takes what is new");
        if !std::mem::replace(&mut self.is_succeeded, true) {
            self.let_links_go();
        }
        Ok(())
    }

    /// Asks the clients to make other links, which the other process gets; streams go on here.
    fn let_links_go(&mut self) {
        let mut after = Duration::ZERO;
        for link in self.links.values() {
            self.leaving.spawn(let_go(link.requests.clone(), after));
            after += BETWEEN_MOVES;
        }
    }

    /// The process that took over, or was about to, is gone.
    fn lose_successor(&mut self) -> io::Result<()> {
        let Some(successor) = self.successor.take() else { return Ok(()) };
        match successor.stage {
            Stage::Waiting { answer, .. } => {
                let _ = answer.send(Err(NotHandedOver::Gone));
            }
            Stage::Reading { .. } => {
                for udp in &*self.parts.sockets {
                    udp.set_reading(true)?;
                }
                self.parts.succession.successor.send_replace(None);
                warn!(
                    successor = successor.pid,
                    "the proxy2 that took over has ended: the links here go on, new ones are for the next; start it with --take-over"
                );
            }
        }
        Ok(())
    }

    /// Datagrams that the other process has read, for one of the links here.
    fn take_passed(&mut self, batch: PassedBatch) {
        let PassedBatch { socket, remote, local, stride, ecn, bytes } = batch;
        if usize::from(socket) >= self.parts.sockets.len() {
            return;
        }
        let from = FourTuple { remote, local, socket: SocketId(socket) };
        let first = bytes.get(..stride).unwrap_or(&bytes);
        let now = self.parts.shared.clock.now();
        match self.parts.endpoint.handle_passed(now, Clock::unix(), first) {
            DatagramEvent::Link(key) => {
                let Some(queue) = self.links.get(&key).map(|link| link.queue.clone()) else { return };
                let len = bytes.len();
                self.post(&queue, ReceivedBatch { from, buffer: Buffer::of(bytes), len, stride, ecn });
            }
            DatagramEvent::Session { link, session, response } => {
                // Before the client hears of it.
                self.tell_indices();
                self.command(Some(link), Command::Session { session, response, from });
            }
            DatagramEvent::Drop(why) => self.note_dropped(remote, why),
            // They come of initiations that this process judges itself.
            DatagramEvent::Predecessor
            | DatagramEvent::Reply { .. }
            | DatagramEvent::Full { .. }
            | DatagramEvent::New { .. } => {}
        }
    }

    /// A link here has ended: its id is free for the other process.
    pub(super) fn tell_ended(&self, link: Option<LinkName>) {
        if let Some(link) = link
            && let Some(successor) = self.successor.as_ref().filter(|successor| successor.reads())
        {
            successor.out.say(&Message::Ended(link));
        }
    }

    /// All links of a client end.
    pub(super) fn tell_all_ended(&self, client: &PublicKey) {
        if self.successor.is_some() {
            let names = self.links.keys().filter_map(|key| self.parts.endpoint.name_of(*key));
            names.filter(|name| name.client == *client).for_each(|name| self.tell_ended(Some(name)));
        }
    }

    /// The other process passes on what is for the indices that links here have, and nothing else.
    pub(super) fn tell_indices(&mut self) {
        let changes = self.parts.endpoint.index_changes();
        let Some(successor) = self.successor.as_ref().filter(|successor| successor.reads()) else { return };
        for changes in changes.chunks(MOST_IN_LIST) {
            successor.out.say(&Message::Indices(changes.to_vec()));
        }
    }

    fn tell_figures(&self) {
        if let Some(successor) = &self.successor {
            let (links, streams) = (widen(self.links.len()), self.parts.shared.registry.totals().streams);
            // The next ones come in a second.
            _ = successor.out.say_if_heard(&Message::Figures { links, streams });
        }
    }
}

/// Lets a link end with its last stream, and asks its client to make another one for what is new.
async fn let_go(requests: RequestSender, after: Duration) {
    sleep(after).await;
    let (end, stream) = pipe();
    let open = LinkRequest::Open(Destination::Move.to_wire(), end.into());
    if requests.send(open).await.is_err() {
        return;
    }
    // One of an older version says that it knows no such thing; one that is silent may be back later.
    let moves = matches!(timeout(MOVING, stream.opened()).await, Ok(Ok(())));
    drop(stream);
    // The link may be over.
    let _ = requests.send(LinkRequest::Ask(LinkQuery::Leave { moves })).await;
}
