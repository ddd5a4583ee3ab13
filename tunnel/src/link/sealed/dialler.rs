//! Dials what the peer's streams ask for. Either end of a link may have one; the end without refuses them.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use proto::destination::Destination;
use proto::sealed::wire::frame::{ResetCode, StreamId};
use tokio::task::{AbortHandle, JoinSet};

use super::local_connection::LocalConnection;
use super::ticket_resources::{TicketResources, dial_in_turn};
use super::ticket_share::StreamPlace;
use crate::local::access::{Access, AccessChanges, Act};
use crate::local::dial::{DialError, DialSettings, Dialled, Reached, Wanted};

/// One dial: for which stream, and what came of it.
type Dial = (StreamId, Result<(Dialled, StreamPlace), DialError>);

/// The dials of one link, and what they have reached: as long as the rules allow it.
#[derive(Debug)]
pub(super) struct Dialler {
    access: Access,
    changes: AccessChanges,
    settings: DialSettings,
    ticket: Arc<TicketResources>,
    dials: JoinSet<Dial>,
    under_way: BTreeMap<StreamId, UnderWay>,
    reached: BTreeMap<StreamId, (Destination, Reached)>,
    /// Streams that the rules do not allow any more.
    withdrawn: VecDeque<StreamId>,
}

#[derive(Debug)]
struct UnderWay {
    destination: Destination,
    wanted: Wanted,
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
            changes: AccessChanges::of(access.clone()),
            access,
            settings,
            ticket,
            dials: JoinSet::new(),
            under_way: BTreeMap::new(),
            reached: BTreeMap::new(),
            withdrawn: VecDeque::new(),
        }
    }

    /// Begins to dial for a stream.
    ///
    /// # Errors
    /// The destination is not allowed, or the ticket has all that it may have.
    pub(super) fn dial(&mut self, id: StreamId, destination: &[u8]) -> Result<(), Refusal> {
        let forbidden = |why| Refusal { code: ResetCode::Forbidden, why };
        let destination =
            Destination::from_wire(destination).map_err(|error| forbidden(error.to_string()))?;
        let wanted = self.access.wanted(&destination);
        let wanted = wanted.map_err(|_| forbidden(self.access.explain(Act::Dial(&destination, None))))?;
        let place = self.ticket.take_place()?;
        self.ticket.take_port(&wanted)?;
        let (turns, rules, settings) = (self.ticket.turns(), self.access.rules(), self.settings.clone());
        let to = wanted.clone();
        let handle = self.dials.spawn(async move {
            let dialled = dial_in_turn(&turns, &to, &rules, &settings).await;
            (id, dialled.map(|dialled| (dialled, place)))
        });
        self.under_way.insert(id, UnderWay { destination, wanted, handle });
        Ok(())
    }

    /// What came of a dial that nobody has given up, or a stream that the rules do not allow any more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LocalConnection> {
        while self.changes.poll(cx).is_ready() {
            self.check_all();
        }
        while let Some(id) = self.withdrawn.pop_front() {
            if let Some(withdrawn) = self.withdraw(id) {
                return Poll::Ready(withdrawn);
            }
        }
        while let Poll::Ready(Some(ended)) = self.dials.poll_join_next(cx) {
            // One that was aborted has no result.
            let Ok((id, dialled)) = ended else { continue };
            let Some(UnderWay { destination, wanted, .. }) = self.under_way.remove(&id) else { continue };
            return Poll::Ready(match dialled {
                Ok((dialled, place)) => self.take(id, destination, wanted, dialled, place),
                Err(DialError::Forbidden(at)) => self.forbidden(id, &destination, at),
                Err(error) => LocalConnection::Failed(id, error.code(), format!("{error}: {wanted}")),
            });
        }
        Poll::Pending
    }

    /// Takes what was dialled, unless the rules have changed meanwhile.
    fn take(
        &mut self,
        id: StreamId,
        destination: Destination,
        wanted: Wanted,
        dialled: Dialled,
        place: StreamPlace,
    ) -> LocalConnection {
        let at = dialled.ip();
        let reached = wanted.reached(at);
        if reached.check(&self.access.rules()).is_err() {
            return self.forbidden(id, &destination, at);
        }
        self.reached.insert(id, (destination, reached));
        LocalConnection::Target(id, dialled.into(), place)
    }

    fn forbidden(&self, id: StreamId, destination: &Destination, at: Option<IpAddr>) -> LocalConnection {
        let why = self.access.explain(Act::Dial(destination, at));
        LocalConnection::Failed(id, ResetCode::Forbidden, why)
    }

    /// Lists the streams that the rules, which have changed, do not allow any more.
    fn check_all(&mut self) {
        let rules = self.access.rules();
        let dialling = self.under_way.iter().filter(|(_, dial)| dial.wanted.check(&rules).is_err());
        let reached = self.reached.iter().filter(|(_, (_, reached))| reached.check(&rules).is_err());
        self.withdrawn = dialling.map(|(id, _)| *id).chain(reached.map(|(id, _)| *id)).collect();
    }

    /// Ends a stream that the rules do not allow any more, if there still is one.
    fn withdraw(&mut self, id: StreamId) -> Option<LocalConnection> {
        if let Some(dial) = self.under_way.remove(&id) {
            dial.handle.abort();
            return Some(self.forbidden(id, &dial.destination, None));
        }
        let (destination, _) = self.reached.remove(&id)?;
        Some(LocalConnection::Withdrawn(id, self.access.explain(Act::Dial(&destination, None))))
    }

    /// A stream is over, whether its target was reached or not.
    pub(super) fn give_up(&mut self, id: StreamId) {
        if let Some(dial) = self.under_way.remove(&id) {
            dial.handle.abort();
        }
        self.reached.remove(&id);
    }

    /// All streams are over.
    pub(super) fn give_up_all(&mut self) {
        // Also what has been dialled and nobody has taken: the next link's streams have the same ids.
        self.dials = JoinSet::new();
        self.under_way.clear();
        self.reached.clear();
        self.withdrawn.clear();
    }
}

#[cfg(test)]
mod tests;
