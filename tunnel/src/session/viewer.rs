//! How a running session is seen and steered from elsewhere in its process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use crate::clock::Clock;
use crate::handover::OtherProcess;
use crate::link::asking::LinkQuery;
use crate::link::drain_flag::DrainFlag;
use crate::link::sealed::Neighbours;
use crate::local::forwarding::Bound;
use crate::metrics::{AskedLink, Counters, LinkKind, Registry};
use crate::number::{millis, widen};
use crate::view::{
    CounterValues, Draining, ItemId, LinkView, ListeningKind, ListeningView, Role, SessionView,
};

/// How much a view shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// The links.
    #[default]
    Links,
    /// Their streams too: of each link the first ones, as many as leave room for those of the others.
    Streams,
}

/// Looks at a running session and steers it. Clones are for the same session; what is asked of one that is over comes to nothing.
#[derive(Clone, Debug)]
pub struct Viewer(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    role: Role,
    kind: LinkKind,
    since: u64,
    started: Instant,
    udp: Vec<SocketAddr>,
    listening: Listening,
    registry: Registry,
    drain: DrainFlag,
    neighbours: Option<Neighbours>,
    draining: Mutex<Option<Draining>>,
}

/// Where clients connect at the moment. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listening(Arc<Mutex<Vec<Bound>>>);

impl Listening {
    /// Clients connect there.
    pub(crate) fn new(places: &[Bound]) -> Self {
        Self(Arc::new(Mutex::new(places.to_vec())))
    }

    /// There too.
    pub(crate) fn add(&self, bound: &Bound) {
        self.change(|places| places.push(bound.clone()));
    }

    /// There no more.
    pub(crate) fn remove(&self, bound: &Bound) {
        self.change(|places| places.retain(|one| one != bound));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Bound>) -> T) -> T {
        // Nothing panics with the lock, and any state of the list is a valid one.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a viewer is made of.
#[derive(Debug)]
pub(super) struct ViewerParts {
    pub(super) role: Role,
    pub(super) kind: LinkKind,
    pub(super) udp: Vec<SocketAddr>,
    pub(super) listening: Listening,
    pub(super) registry: Registry,
    pub(super) drain: DrainFlag,
    pub(super) neighbours: Option<Neighbours>,
}

impl Viewer {
    /// How long a link may take to answer: its task takes turns with others of its thread, and a turn is some milliseconds.
    const PATIENCE: Duration = Duration::from_millis(250);
    /// How long all links together may.
    const PATIENCE_OF_ALL: Duration = Duration::from_secs(2);
    /// Links that are asked at the same time.
    const AT_ONCE: usize = 256;
    /// Links in one view: with what is known of each, about 16 MB.
    const MOST_LINKS: usize = 16_384;
    /// Streams in one view, about 4 MB; with so many links that each has the least, 32 MB.
    const MOST_STREAMS: usize = 8_192;
    /// Streams of a link, however many links there are.
    const LEAST_STREAMS: usize = 4;

    pub(super) fn new(parts: ViewerParts) -> Self {
        let ViewerParts { role, kind, udp, listening, registry, drain, neighbours } = parts;
        let (since, started, draining) = (Clock::unix_ms(), Instant::now(), Mutex::default());
        Self(Arc::new(Seen {
            role,
            kind,
            since,
            started,
            udp,
            listening,
            registry,
            drain,
            neighbours,
            draining,
        }))
    }

    /// Which of the two proxies it is.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// The kind of its links.
    pub fn kind(&self) -> LinkKind {
        self.0.kind
    }

    /// The addresses of its UDP sockets.
    pub fn udp(&self) -> &[SocketAddr] {
        &self.0.udp
    }

    /// Where clients connect.
    pub fn listening(&self) -> Vec<ListeningView> {
        self.0.listening.change(|places| places.iter().map(ListeningView::of).collect())
    }

    /// What the session shows of itself now. Links whose tasks do not answer within 250 ms, or all together within two seconds, are
    /// shown by their counters. Cancel safe.
    pub async fn view(&self, detail: Detail) -> SessionView {
        let seen = &*self.0;
        let (links, left_out) = seen.registry.asked_links(Self::MOST_LINKS);
        let streams = match detail {
            Detail::Links => 0,
            Detail::Streams => (Self::MOST_STREAMS / links.len().max(1)).max(Self::LEAST_STREAMS),
        };
        let links = look(&links, streams).await;
        SessionView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            role: seen.role,
            kind: seen.kind,
            since: seen.since,
            taken_at: Clock::unix_ms(),
            uptime_ms: millis(seen.started.elapsed()),
            udp: seen.udp.clone(),
            listening: self.listening(),
            draining: *self.draining(),
            predecessor: self.predecessor(),
            successor: self.successor(),
            counters: CounterValues::from(&seen.registry.totals()),
            links,
            links_left_out: widen(left_out),
        }
    }

    /// The process that the session has taken over from, while that has links.
    pub fn predecessor(&self) -> Option<OtherProcess> {
        self.0.neighbours.as_ref().and_then(|neighbours| *neighbours.predecessor.borrow())
    }

    /// The process that has taken over from the session.
    pub fn successor(&self) -> Option<u32> {
        self.0.neighbours.as_ref().and_then(|neighbours| *neighbours.successor.borrow())
    }

    /// Resets a stream, or all streams of a link. A link that a proxy1 has made ends then, and proxy1 makes another; that of a proxy1
    /// goes on without streams. Says whether there was one that answered in time. Cancel safe: it is done, or not.
    pub async fn close(&self, id: ItemId) -> bool {
        let Some(asker) = self.0.registry.asker_of(id.link) else { return false };
        let closed = async {
            match id.stream {
                Some(stream) => {
                    let (answer, closed) = oneshot::channel();
                    asker.ask(LinkQuery::CloseStream(stream, answer)).await && closed.await.unwrap_or(false)
                }
                None => {
                    let (answer, closed) = oneshot::channel();
                    asker.ask(LinkQuery::Close(answer)).await && closed.await.is_ok()
                }
            }
        };
        timeout(Self::PATIENCE_OF_ALL, closed).await.unwrap_or(false)
    }

    /// Accepts nothing new from now on: nobody listens any more, and what the other ends ask for is refused with the code of a limit.
    /// What runs goes on. The caller ends the session after `limit`, if there is one; it is shown. Cancel safe, but then some
    /// links may still accept: call it again.
    pub async fn drain(&self, limit: Option<Duration>) {
        let seen = &*self.0;
        let since = Clock::unix_ms();
        let until = limit.map(|limit| since.saturating_add(millis(limit)));
        *self.draining() = Some(Draining { since, until });
        // Links that begin from now on see this.
        seen.drain.set();
        seen.listening.change(Vec::clear);
        let (links, _) = seen.registry.asked_links(usize::MAX);
        let asked = async {
            let mut answers = Vec::with_capacity(links.len());
            for asker in links.into_iter().filter_map(|link| link.asker) {
                let (answer, answered) = oneshot::channel();
                asker.ask(LinkQuery::Drain(answer)).await;
                answers.push(answered);
            }
            // Whoever is told of it relies on it. A link that is over answers by its end.
            for answered in answers {
                let _ = answered.await;
            }
        };
        // Those whose queues are full so long are stuck, and accept nothing either.
        let _ = timeout(Self::PATIENCE_OF_ALL, asked).await;
    }

    /// Waits until there are no streams. Cancel safe.
    pub async fn without_streams(&self) {
        let mut counters = self.0.registry.subscribe_without_traffic();
        // The registry is in this value.
        let _ = counters.wait_for(|now| now.streams == 0).await;
    }

    /// See [`Registry::tickets`].
    pub fn tickets(&self) -> BTreeMap<String, Counters> {
        self.0.registry.tickets()
    }

    /// How many streams there are now.
    pub fn stream_count(&self) -> u64 {
        self.0.registry.totals().streams
    }

    fn draining(&self) -> std::sync::MutexGuard<'_, Option<Draining>> {
        self.0.draining.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks all links, so many at a time.
async fn look(links: &[AskedLink], streams: usize) -> Vec<LinkView> {
    let end = Instant::now() + Viewer::PATIENCE_OF_ALL;
    let mut views = Vec::with_capacity(links.len());
    for some in links.chunks(Viewer::AT_ONCE) {
        let now = Instant::now();
        let (deadline, is_late) = (end.min(now + Viewer::PATIENCE).into(), now >= end);
        let asked: Vec<_> = some
            .iter()
            .map(|link| {
                let (answer, answered) = oneshot::channel();
                // Nobody would wait for the answers of those that are left.
                let asker = link.asker.as_ref().filter(|_| !is_late);
                let asked = asker.is_some_and(|asker| asker.try_ask(LinkQuery::Look { streams, answer }));
                asked.then_some(answered)
            })
            .collect();
        for (link, asked) in some.iter().zip(asked) {
            let answer = match asked {
                Some(asked) => timeout_at(deadline, asked).await.ok().and_then(Result::ok),
                None => None,
            };
            views.push(link_view(link, answer));
        }
    }
    views
}

fn link_view(link: &AskedLink, answer: Option<Box<LinkView>>) -> LinkView {
    let counters = link.counters();
    let answer = answer.map_or_else(
        || LinkView {
            state_since: link.since,
            state: if counters.links_up > 0 { crate::view::LinkState::Up } else { Default::default() },
            streams_open: counters.streams,
            ..LinkView::default()
        },
        |answer| *answer,
    );
    LinkView {
        number: link.labels.number,
        kind: link.labels.kind,
        ticket: link.labels.ticket.clone(),
        peer: link.labels.peer,
        since: link.since,
        sent_bytes: counters.sent_bytes,
        received_bytes: counters.received_bytes,
        counters: CounterValues::from(&counters),
        ..answer
    }
}

impl ListeningView {
    fn of(bound: &Bound) -> Self {
        let (kind, at) = match bound {
            Bound::Tcp(address) => (ListeningKind::Tcp, address.to_string()),
            Bound::Udp(address) => (ListeningKind::Udp, address.to_string()),
            Bound::Unix(path) => (ListeningKind::Unix, path.display().to_string()),
            Bound::Stdio => (ListeningKind::Stdio, String::new()),
        };
        Self { kind, at, link: None }
    }
}
