//! Brings what the peer's streams ask for: targets that are dialled, names that others publish, the control stream. Either end of a
//! link may have one; the end without refuses them.

mod asked_for;
mod goal;
mod visits;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use proto::destination::{Client, Destination};
use proto::sealed::wire::frame::{ResetCode, StreamId};
use tokio::task::{AbortHandle, JoinSet};

use self::asked_for::AskedFor;
use self::goal::Goal;
use self::visits::Visits;
use super::local_connection::{LocalConnection, TargetStream};
use super::ticket_resources::{TicketResources, dial_in_turn};
use super::ticket_share::StreamPlace;
use crate::changes::Changes;
use crate::control::client::{Recipient, Registered, Registrations};
use crate::control::server::LinkPort;
use crate::local::access::{Access, Act};
use crate::local::dial::{DialError, DialSettings, Wanted};
use crate::local::end::LocalEnd;
use crate::local::grant::{Grant, PeerRegistration};
use crate::local::listener::ClientName;
use crate::local::pipe::pipe;
use crate::local::proxy_protocol::{self, Addresses};
use crate::local::visitors::{Visitor, VisitorPlace};
use crate::metrics::Counters;
use crate::names::Service;
use crate::rules::Rules;

/// What came for which stream.
type Dial = (StreamId, Result<Arrived, DialError>);

/// What a stream leads to, once it is there.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// The local end of the stream.
    pub(crate) stream: LocalEnd,
    /// The address that was connected to, if it has one.
    pub(crate) at: Option<IpAddr>,
    /// The place of the stream.
    pub(crate) place: StreamPlace,
}

/// The dials of one link, and what they have reached: as long as the rules allow it.
#[derive(Debug)]
pub(super) struct Dialler {
    access: Access,
    /// Whether the rules allow anything.
    allows: bool,
    changes: Changes<Rules>,
    settings: DialSettings,
    ticket: Arc<TicketResources>,
    /// What a server does for its client beside dialling.
    port: Option<LinkPort>,
    /// What a client has registered at its server.
    registrations: Option<Registrations>,
    dials: JoinSet<Dial>,
    under_way: BTreeMap<StreamId, UnderWay>,
    reached: BTreeMap<StreamId, (Destination, Goal)>,
    /// The streams of this end to clients of the peer's registrations.
    visits: Visits,
    /// Streams that the rules do not allow any more.
    withdrawn: VecDeque<StreamId>,
    /// The control streams, which end with the link.
    controls: JoinSet<()>,
    /// Clients of the peer that say themselves where they want to go.
    /// None were there yet.
    asked_for: Option<Box<AskedFor>>,
}

#[derive(Debug)]
struct UnderWay {
    destination: Destination,
    goal: Goal,
    handle: AbortHandle,
}

/// Why a stream is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the peer is told.
    pub(super) code: ResetCode,
    /// What the log is told.
    pub(super) why: String,
}

impl Refusal {
    fn forbidden(why: impl ToString) -> Self {
        Self { code: ResetCode::Forbidden, why: why.to_string() }
    }
}

impl From<ResetCode> for Refusal {
    fn from(code: ResetCode) -> Self {
        Self { code, why: code.to_string() }
    }
}

impl Dialler {
    /// Dials what the rules of the ticket allow, with what the ticket has.
    pub(super) fn new(settings: DialSettings, ticket: Arc<TicketResources>) -> Self {
        let access = ticket.access();
        Self {
            changes: access.changes(),
            allows: !access.allows_nothing(),
            access,
            settings,
            ticket,
            port: None,
            registrations: None,
            dials: JoinSet::new(),
            under_way: BTreeMap::new(),
            reached: BTreeMap::new(),
            visits: Visits::new(0),
            withdrawn: VecDeque::new(),
            controls: JoinSet::new(),
            asked_for: None,
        }
    }

    /// The same at a server, which has names and takes control streams, and whose link may have so many streams at a time.
    #[must_use]
    pub(super) fn serving(self, port: LinkPort, streams: usize) -> Self {
        Self { port: Some(port), visits: Visits::new(streams), ..self }
    }

    /// The same at a client, which has registered something at its server.
    #[must_use]
    pub(super) fn registered(self, registrations: Registrations) -> Self {
        Self { registrations: Some(registrations), ..self }
    }

    /// Another one of a client, for another link.
    pub(super) fn again(&self) -> Self {
        let again = Self::new(self.settings.clone(), Arc::clone(&self.ticket));
        Self { registrations: self.registrations.clone(), ..again }
    }

    /// Whether the peer may come to want anything of it.
    pub(super) fn is_wanted(&self) -> bool {
        let registers = || self.registrations.as_ref().is_some_and(|all| !all.is_empty());
        self.allows || self.port.is_some() || registers()
    }

    /// Whether the rules allow what a registration of the peer needs.
    pub(super) fn allows(&self, grant: &Grant) -> bool {
        grant.check(&self.access.rules()).is_ok()
    }

    /// A place for a client of a registration of the peer.
    pub(super) fn take_visitor(&self, visitor: Visitor) -> Option<VisitorPlace> {
        self.visits.take(visitor)
    }

    /// A stream to a client of a registration of the peer ends when the rules do not allow that any more, and keeps its place until it ends.
    pub(super) fn watch(&mut self, id: StreamId, registration: Arc<PeerRegistration>, place: VisitorPlace) {
        self.visits.insert(id, registration, place);
    }

    /// Begins to dial for a stream.
    ///
    /// # Errors
    /// The destination is not allowed, or the ticket has all that it may have.
    pub(super) fn dial(&mut self, id: StreamId, destination: &[u8]) -> Result<(), Refusal> {
        let destination = Destination::from_wire(destination).map_err(Refusal::forbidden)?;
        match (&destination, &self.port, &self.registrations) {
            (Destination::Control, Some(port), _) => {
                let arrived = port.take_control(&mut self.controls)?;
                self.begin(id, destination, Goal::Own(None), async { Ok(arrived) });
            }
            (Destination::Check, Some(port), _) => {
                let arrived = port.take_check()?;
                self.begin(id, destination, Goal::Own(None), async { Ok(arrived) });
            }
            (Destination::Service { name, udp }, Some(port), _) => {
                self.access.rules().may_use(name).map_err(|_| self.explain(&destination, None))?;
                let (port, goal) = (port.clone(), Goal::Use(name.clone()));
                let service = Service { name: name.clone(), udp: *udp };
                self.begin(id, destination, goal, async move { port.open(&service).await });
            }
            (Destination::Client(client), _, Some(registrations)) => {
                let recipient = registrations.recipient(client.registration).ok_or(ResetCode::Forbidden)?;
                self.receive(id, client.clone(), recipient)?;
            }
            _ => {
                let wanted = self.access.wanted(&destination);
                let wanted = wanted.map_err(|_| self.explain(&destination, None))?;
                self.dial_wanted(id, destination, wanted)?;
            }
        }
        Ok(())
    }

    fn dial_wanted(&mut self, id: StreamId, destination: Destination, wanted: Wanted) -> Result<(), Refusal> {
        let place = self.ticket.take_place()?;
        self.ticket.take_port(&wanted)?;
        let (turns, rules, settings) = (self.ticket.turns(), self.access.rules(), self.settings.clone());
        let goal = Goal::Dial(wanted.clone());
        self.begin(id, destination, goal, async move {
            let dialled = dial_in_turn(&turns, &wanted, &rules, &settings).await?;
            Ok(Arrived { at: dialled.ip(), stream: dialled.into(), place })
        });
        Ok(())
    }

    /// Hands a client of a registration over to whom it is for.
    fn receive(&mut self, id: StreamId, client: Client, registered: Registered) -> Result<(), Refusal> {
        let destination = Destination::Client(client.clone());
        let place = self.ticket.take_place()?;
        match registered {
            (Recipient::Target(own, header), local) if own.takes_datagrams() == client.udp => {
                let (turns, settings) = (self.ticket.turns(), self.settings.clone());
                let goal = Goal::Own(Some(own.wanted.clone()));
                self.begin(id, destination, goal, async move {
                    let dialled = dial_in_turn(&turns, &own.wanted, &own.rules, &settings).await?;
                    let addresses = client.from.zip(local).map(|(client, local)| Addresses { client, local });
                    let header = header.map(|version| proxy_protocol::header(version, addresses));
                    let dialled = dialled.beginning_with(header.as_deref().unwrap_or_default()).await?;
                    Ok(Arrived { at: dialled.ip(), stream: dialled.into(), place })
                });
            }
            (Recipient::Process(backlog), _) if !client.udp => {
                let (end, stream) = pipe();
                backlog.hand_over(stream, client)?;
                self.begin(id, destination, Goal::Own(None), async move {
                    Ok(Arrived { at: None, stream: end.into(), place })
                });
            }
            (Recipient::AskedFor, _) if !client.udp => {
                let (end, stream) = pipe();
                // The other is for the connection with its target.
                let relay = self.ticket.take_relay()?;
                let asked_for = self.asked_for.get_or_insert_with(|| Box::new(AskedFor::new()));
                asked_for.serve(client.from, stream, place, &self.ticket, &self.settings);
                self.begin(id, destination, Goal::Own(None), async move {
                    Ok(Arrived { at: None, stream: end.into(), place: relay })
                });
            }
            (Recipient::Target(..) | Recipient::AskedFor | Recipient::Process(_), _) => {
                return Err(ResetCode::Forbidden.into());
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        id: StreamId,
        destination: Destination,
        goal: Goal,
        arrives: impl Future<Output = Result<Arrived, DialError>> + Send + 'static,
    ) {
        let handle = self.dials.spawn(async move { (id, arrives.await) });
        self.under_way.insert(id, UnderWay { destination, goal, handle });
    }

    /// What came of a dial that nobody has given up, or a stream that the rules do not allow any more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, counters: &mut Counters) -> Poll<LocalConnection> {
        while self.changes.poll(cx).is_ready() {
            self.check_all();
        }
        while matches!(self.controls.poll_join_next(cx), Poll::Ready(Some(_))) {}
        if let Some(asked_for) = &mut self.asked_for {
            asked_for.poll(cx, counters);
        }
        while let Some(id) = self.withdrawn.pop_front() {
            if let Some(withdrawn) = self.withdraw(id) {
                return Poll::Ready(withdrawn);
            }
        }
        while let Poll::Ready(Some(ended)) = self.dials.poll_join_next(cx) {
            // One that was aborted has no result.
            let Ok((id, dialled)) = ended else { continue };
            let Some(UnderWay { destination, goal, .. }) = self.under_way.remove(&id) else { continue };
            return Poll::Ready(match dialled {
                Ok(arrived) => self.take(id, destination, goal, arrived),
                Err(DialError::Forbidden(at)) => self.forbidden(id, &destination, at),
                Err(error) => {
                    LocalConnection::Failed(id, error.code(), explain_failure(&error, &goal, &destination))
                }
            });
        }
        Poll::Pending
    }

    /// Takes what was dialled, unless the rules have changed meanwhile.
    fn take(
        &mut self,
        id: StreamId,
        destination: Destination,
        goal: Goal,
        arrived: Arrived,
    ) -> LocalConnection {
        let Arrived { stream, at, place } = arrived;
        let reached = goal.reached(at);
        if reached.check(&self.access.rules()).is_err() {
            return self.forbidden(id, &destination, at);
        }
        self.reached.insert(id, (destination, reached));
        LocalConnection::Target(TargetStream { id, local: stream, place })
    }

    fn forbidden(&self, id: StreamId, destination: &Destination, at: Option<IpAddr>) -> LocalConnection {
        let refusal = self.explain(destination, at);
        LocalConnection::Failed(id, refusal.code, refusal.why)
    }

    fn explain(&self, destination: &Destination, at: Option<IpAddr>) -> Refusal {
        Refusal::forbidden(self.access.explain(Act::reach(destination, at)))
    }

    /// Lists the streams that the rules, which have changed, do not allow any more.
    fn check_all(&mut self) {
        self.allows = !self.access.allows_nothing();
        let rules = self.access.rules();
        let dialling = self.under_way.iter().filter(|(_, dial)| dial.goal.check(&rules).is_err());
        let reached = self.reached.iter().filter(|(_, (_, goal))| goal.check(&rules).is_err());
        let ids = dialling.map(|(id, _)| *id).chain(reached.map(|(id, _)| *id));
        self.withdrawn = ids.chain(self.visits.forbidden(&rules)).collect();
    }

    /// Ends a stream that the rules do not allow any more, if there still is one.
    fn withdraw(&mut self, id: StreamId) -> Option<LocalConnection> {
        if let Some(dial) = self.under_way.remove(&id) {
            dial.handle.abort();
            return Some(self.forbidden(id, &dial.destination, None));
        }
        if let Some(registration) = self.visits.remove(id) {
            return Some(LocalConnection::Withdrawn(id, registration.grant.explain(&self.access)));
        }
        let (destination, _) = self.reached.remove(&id)?;
        Some(LocalConnection::Withdrawn(id, self.explain(&destination, None).why))
    }

    /// Who a stream is for, as far as that is known, and what it leads to.
    pub(super) fn end_of(&self, id: StreamId) -> Option<(Option<ClientName>, String)> {
        let dialled = self.under_way.get(&id).map(|dial| (&dial.destination, &dial.goal));
        let (destination, goal) =
            dialled.or_else(|| self.reached.get(&id).map(|(destination, goal)| (destination, goal)))?;
        let client = if let Destination::Client(client) = destination { client.from } else { None };
        let client = client.map(ClientName::At);
        Some((client, goal.target().unwrap_or_else(|| destination.to_string())))
    }

    /// A stream is over, whether its target was reached or not.
    pub(super) fn give_up(&mut self, id: StreamId) {
        if let Some(dial) = self.under_way.remove(&id) {
            dial.handle.abort();
        }
        self.reached.remove(&id);
        self.visits.remove(id);
    }

    /// All streams are over.
    pub(super) fn give_up_all(&mut self) {
        // Also what has been dialled and nobody has taken: the next link's streams have the same ids.
        self.dials = JoinSet::new();
        self.asked_for = None;
        self.under_way.clear();
        self.reached.clear();
        self.visits.clear();
        self.withdrawn.clear();
    }
}

/// What the log says of a stream whose target could not be reached.
fn explain_failure(error: &DialError, goal: &Goal, destination: &Destination) -> String {
    match goal {
        Goal::Dial(wanted) => format!("{error}: {wanted}"),
        Goal::Reached(_) | Goal::Use(_) | Goal::Own(_) => format!("{error}: {destination}"),
    }
}

#[cfg(test)]
mod tests;
