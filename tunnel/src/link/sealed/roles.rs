//! What a link does for those at its own side: it carries the connections of listeners and of this process to the peer, and
//! dials for the peer's streams. Roles, not ends: proxy1 and proxy2 may each have both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::destination::Destination;
use proto::sealed::link::Link;
use proto::sealed::wire::frame::{ResetCode, StreamId};
use tokio::sync::mpsc;
use tracing::warn;

use super::dialler::{Dialler, Refusal};
use super::end::End;
use super::flows::carrier::peer_takes;
use super::local_connection::{ClientStream, LocalConnection};
use super::requests::{LinkRequest, RequestReceiver};
use crate::control::client::Command;
use crate::limit::Limit;
use crate::local::end::LocalEnd;
use crate::local::forwarding::{Arrival, Forwarding};
use crate::local::forwards::Forwards;
use crate::local::grant::PeerRegistration;
use crate::local::listener::ClientName;
use crate::local::visitors::{Visit, Visitor, VisitorPlace};
use crate::metrics::Counters;
use crate::ready::Seldom;

/// The roles of one end of a link.
#[derive(Debug)]
pub(super) struct Roles {
    forwards: Forwards,
    /// What this process asks for; `None`: nothing.
    requests: Option<RequestReceiver>,
    dialler: Option<Dialler>,
    /// Told of destinations that the peer forbids.
    explain: Option<mpsc::UnboundedSender<Command>>,
    /// What the streams lead to that have not been opened yet, if somebody wants to know.
    opening: BTreeMap<StreamId, Vec<u8>>,
    limits: RoleLimits,
    refusals: Limit,
    /// Which is asked first for what has arrived.
    first: Role,
    /// Whether any may have something: they are asked far more seldom than packets come.
    news: Seldom,
    /// Nobody new is carried, and nothing more is dialled.
    draining: bool,
    over: bool,
}

/// Where connections come from.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// Targets that were dialled.
    Dialling,
    /// What this process asks for.
    Asked,
    /// Clients of the forwards.
    Forwarding,
}

impl Role {
    const ALL: [Self; 3] = [Self::Dialling, Self::Asked, Self::Forwarding];

    const fn next(self) -> Self {
        match self {
            Self::Dialling => Self::Asked,
            Self::Asked => Self::Forwarding,
            Self::Forwarding => Self::Dialling,
        }
    }
}

/// What a client has come for, and its place among those who have come for the peer.
type Admitted = (Arc<PeerRegistration>, VisitorPlace);

/// What an end's own clients may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoleLimits {
    /// Streams at a time.
    pub(super) max_streams: usize,
    /// How long a client may wait for the peer to hear of its stream; zero: it is refused while the peer does not answer.
    pub(super) patience: Duration,
}

impl Roles {
    /// Carries nobody and dials nothing.
    pub(super) fn new(limits: RoleLimits) -> Self {
        let refusals = Limit::new(Instant::now());
        Self {
            forwards: Forwards::new(Vec::new()),
            requests: None,
            dialler: None,
            explain: None,
            opening: BTreeMap::new(),
            limits,
            refusals,
            first: Role::Dialling,
            news: Seldom::new(),
            draining: false,
            over: false,
        }
    }

    /// The same, and carries the clients of these forwards.
    #[must_use]
    pub(super) fn forwarding(self, forwards: Vec<Forwarding>) -> Self {
        Self { forwards: Forwards::new(forwards), ..self }
    }

    /// The same, and does what this process asks for.
    #[must_use]
    pub(super) fn asked_by(self, requests: RequestReceiver) -> Self {
        Self { requests: Some(requests), ..self }
    }

    /// The same, and dials for the peer.
    #[must_use]
    pub(super) fn dialling(self, dialler: Dialler) -> Self {
        Self { dialler: Some(dialler), ..self }
    }

    /// The same, and tells of destinations that the peer forbids.
    #[must_use]
    pub(super) fn explaining(self, explain: mpsc::UnboundedSender<Command>) -> Self {
        Self { explain: Some(explain), ..self }
    }

    /// Whether the peer's streams are carried on.
    pub(super) fn dials(&self) -> bool {
        self.dialler.as_ref().is_some_and(Dialler::is_wanted)
    }

    /// How long a client may wait for the peer to hear of its stream.
    pub(super) const fn patience(&self) -> Duration {
        self.limits.patience
    }

    /// The next connection, of any role. One that always has something must not keep the others waiting: after each arrival
    /// the next role is asked first.
    pub(super) fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
        end: &impl End,
        link: &mut Link,
        counters: &mut Counters,
    ) -> Poll<LocalConnection> {
        if self.over {
            return Poll::Pending;
        }
        let Some(waker) = self.news.take(cx.waker()) else { return Poll::Pending };
        let cx = &mut Context::from_waker(&waker);
        for _ in Role::ALL {
            let role = self.first;
            self.first = role.next();
            let arrival = match role {
                Role::Dialling => {
                    self.dialler.as_mut().map_or(Poll::Pending, |dialler| dialler.poll(cx, counters))
                }
                Role::Asked => self.poll_request(cx, end, link, counters),
                Role::Forwarding => self.poll_client(cx, end, link, counters),
            };
            if arrival.is_ready() {
                self.news.look_again();
                return arrival;
            }
        }
        Poll::Pending
    }

    fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
        end: &impl End,
        link: &mut Link,
        counters: &mut Counters,
    ) -> Poll<LocalConnection> {
        match self.requests.as_mut().map(|requests| requests.poll_recv(cx)) {
            Some(Poll::Ready(Some(request))) => Poll::Ready(self.obey(request, end, link, counters)),
            // Nobody is left who could ask, or nobody asks now.
            Some(Poll::Ready(None) | Poll::Pending) | None => Poll::Pending,
        }
    }

    fn poll_client(
        &mut self,
        cx: &mut Context<'_>,
        end: &impl End,
        link: &mut Link,
        counters: &mut Counters,
    ) -> Poll<LocalConnection> {
        match self.forwards.poll(cx, counters) {
            Poll::Ready(arrival) => Poll::Ready(self.take_client(arrival, end, link, counters)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn obey(
        &mut self,
        request: LinkRequest,
        end: &impl End,
        link: &mut Link,
        counters: &mut Counters,
    ) -> LocalConnection {
        match request {
            LinkRequest::Open(destination, pipe) => {
                let arrival = Arrival::of_process(pipe, destination);
                return self.take_client(arrival, end, link, counters);
            }
            LinkRequest::OpenFor(client, registration, pipe) => {
                let visit = Some(Visit { registration, visitor: Visitor::of_name(&client) });
                let from = client.from.map_or(ClientName::Process, ClientName::At);
                let arrival = Arrival::of_process(pipe, Destination::Client(client).to_wire());
                return self.take_client(Arrival { visit, client: from, ..arrival }, end, link, counters);
            }
            LinkRequest::Add(forward, added) => {
                self.forwards.add(*forward, None);
                // Whoever has asked may not wait for the answer.
                let _ = added.send(());
            }
            LinkRequest::Ask(query) => return LocalConnection::Asked(query),
            // What comes along is given back.
            LinkRequest::Listen(..) if self.draining => {}
            LinkRequest::Listen(forward, kept) => self.forwards.add(*forward, Some(kept)),
            LinkRequest::Remove(bound, answer) => {
                let _ = answer.send(self.forwards.remove(&bound));
            }
        }
        LocalConnection::Nothing
    }

    fn take_client(
        &mut self,
        arrival: Arrival,
        end: &impl End,
        link: &mut Link,
        counters: &mut Counters,
    ) -> LocalConnection {
        let Arrival { stream, client, destination, first, visit } = arrival;
        let is_flow = matches!(stream, LocalEnd::Flow(_));
        let opened = match self.draining {
            true => Err((ResetCode::Limit, "this proxy accepts nothing new: it is draining")),
            false => self.admit(visit),
        };
        let opened = opened.and_then(|visit| {
            let id = self.open(is_flow, &destination, end, link)?;
            Ok((id, visit))
        });
        let (code, why) = match opened {
            Ok((id, visit)) => {
                if let (Some((registration, place)), Some(dialler)) = (visit, &mut self.dialler) {
                    dialler.watch(id, registration, place);
                }
                let target = String::from_utf8_lossy(&destination).into_owned();
                // The process itself is told by its stream, and can ask.
                if self.explain.is_some() && !matches!(client, ClientName::Process) {
                    self.opening.insert(id, destination);
                }
                let stream = ClientStream { id, local: stream, first, client, target };
                return LocalConnection::Client(stream);
            }
            Err(refused) => refused,
        };
        *counters.reset_with(code) += 1;
        if let Some(held_back) = self.refusals.pass(Instant::now()) {
            warn!(%client, held_back, "client refused: {why}");
        }
        stream.abort(code);
        LocalConnection::Nothing
    }

    /// Whether a client for a registration of the peer may come, and its place: it may have been taken away while this one was on its way.
    fn admit(&self, visit: Option<Visit>) -> Result<Option<Admitted>, (ResetCode, &'static str)> {
        let Some(Visit { registration, visitor }) = visit else { return Ok(None) };
        let dialler = self.dialler.as_ref().filter(|dialler| dialler.allows(&registration.grant));
        let dialler =
            dialler.ok_or((ResetCode::Forbidden, "the rules do not allow its registration any more"))?;
        let place = dialler.take_visitor(visitor).ok_or((
            ResetCode::Limit,
            "clients with the same ticket, or of the same address, have their share of the link's streams",
        ))?;
        Ok(Some((registration, place)))
    }

    /// A stream for a client, or why there can be none.
    fn open(
        &self,
        is_flow: bool,
        target: &[u8],
        end: &impl End,
        link: &mut Link,
    ) -> Result<StreamId, (ResetCode, &'static str)> {
        end.admit(link, self.limits.patience)?;
        if is_flow && !peer_takes(link) {
            return Err((
                ResetCode::Forbidden,
                "the other proxy is of a version that carries no datagrams: it needs a newer one",
            ));
        }
        let room = link.streams().stream_count() < self.limits.max_streams;
        let id = room.then(|| link.streams().open(target)).flatten();
        id.ok_or((
            ResetCode::Limit,
            "as many streams as a link may have are open; see --streams of both proxies",
        ))
    }

    /// The peer asks for a stream. The answer is an arrival, or this code.
    ///
    /// # Errors
    /// The stream is refused.
    pub(super) fn incoming(&mut self, id: StreamId, target: &[u8]) -> Result<(), Refusal> {
        if self.draining {
            return Err(Refusal {
                code: ResetCode::Limit,
                why: "nothing new is accepted: it is draining".into(),
            });
        }
        // A set of tasks that was empty did not ask to be woken.
        self.news.look_again();
        self.dialler.as_mut().ok_or(ResetCode::Forbidden)?.dial(id, target)
    }

    /// Who a stream of the peer is for, as far as that is known, and what it leads to.
    pub(super) fn end_of(&self, id: StreamId) -> Option<(Option<ClientName>, String)> {
        self.dialler.as_ref()?.end_of(id)
    }

    /// The roles of the link that there was, which are to see its streams to their end and may be asked so; these are for another link
    /// from now on.
    pub(super) fn part(&mut self, requests: RequestReceiver) -> Self {
        let next = self.dialler.as_ref().map(Dialler::again);
        self.news.look_again();
        Self {
            requests: Some(requests),
            dialler: std::mem::replace(&mut self.dialler, next),
            explain: self.explain.clone(),
            opening: std::mem::take(&mut self.opening),
            draining: true,
            ..Self::new(self.limits)
        }
    }

    /// From now on nobody new is carried, and nothing more is dialled.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        self.forwards.clear();
    }

    /// Whether nobody new is carried.
    pub(super) const fn is_draining(&self) -> bool {
        self.draining
    }

    /// The peer has reached what a stream leads to.
    pub(super) fn opened(&mut self, id: StreamId) {
        self.opening.remove(&id);
    }

    /// The peer has reset a stream.
    pub(super) fn refused(&mut self, id: StreamId, code: ResetCode) {
        if code == ResetCode::Forbidden
            && let Some(destination) = self.opening.remove(&id)
            && let Some(explain) = &self.explain
            && destination != Destination::Control.to_wire()
        {
            // Nobody may be there who could ask.
            let _ = explain.send(Command::Explain(destination));
        }
    }

    /// A stream is over.
    pub(super) fn forget(&mut self, id: StreamId) {
        self.opening.remove(&id);
        if let Some(dialler) = &mut self.dialler {
            dialler.give_up(id);
        }
    }

    /// All streams are over.
    pub(super) fn forget_all(&mut self) {
        self.opening.clear();
        if let Some(dialler) = &mut self.dialler {
            dialler.give_up_all();
        }
    }

    /// Nothing arrives any more.
    pub(super) fn shutdown(&mut self) {
        self.over = true;
        // Nobody is kept waiting for what will not be accepted, and others may have the addresses.
        self.forwards.clear();
        // What waits there learns that nothing comes of it.
        self.requests = None;
        self.forget_all();
    }
}
