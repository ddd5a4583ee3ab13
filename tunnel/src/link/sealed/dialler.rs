//! Dials what the peer's streams ask for. Either end of a link may have one; the end without refuses them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use proto::sealed::wire::frame::{ResetCode, StreamId};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};

use super::local_connection::LocalConnection;
use super::ticket_resources::{TicketResources, dial_in_turn};
use super::ticket_share::StreamPlace;
use crate::address::HostPort;
use crate::local::dial::{DialError, DialSettings};
use crate::settings::Allow;

/// One dial: for which stream, where to, and what came of it.
type Dial = (StreamId, HostPort, Result<(TcpStream, StreamPlace), DialError>);

/// The dials of one link.
#[derive(Debug)]
pub(super) struct Dialler {
    allow: Arc<Allow>,
    settings: DialSettings,
    ticket: Arc<TicketResources>,
    dials: JoinSet<Dial>,
    under_way: BTreeMap<StreamId, AbortHandle>,
}

impl Dialler {
    /// Dials what is allowed, with what the ticket of the link has.
    pub(super) fn new(allow: Arc<Allow>, settings: DialSettings, ticket: Arc<TicketResources>) -> Self {
        Self { allow, settings, ticket, dials: JoinSet::new(), under_way: BTreeMap::new() }
    }

    /// Begins to dial for a stream.
    ///
    /// # Errors
    /// The target is not allowed, or the ticket has all that it may have.
    pub(super) fn dial(&mut self, id: StreamId, target: &[u8]) -> Result<(), ResetCode> {
        let target = self.allow.check(target).map_err(|_| ResetCode::Forbidden)?;
        let place = self.ticket.take_place()?;
        self.ticket.take_port(&target)?;
        let (turns, settings) = (self.ticket.turns(), self.settings);
        let handle = self.dials.spawn(async move {
            let dialled = dial_in_turn(&turns, &target, settings).await;
            (id, target, dialled.map(|tcp| (tcp, place)))
        });
        self.under_way.insert(id, handle);
        Ok(())
    }

    /// What came of a dial that nobody has given up.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LocalConnection> {
        while let Poll::Ready(Some(ended)) = self.dials.poll_join_next(cx) {
            // One that was aborted has no result.
            let Ok((id, target, dialled)) = ended else { continue };
            if self.under_way.remove(&id).is_none() {
                continue;
            }
            return Poll::Ready(match dialled {
                Ok((tcp, place)) => LocalConnection::Target(id, tcp.into(), place),
                Err(error) => LocalConnection::Failed(id, error.code(), format!("{error}: {target}")),
            });
        }
        Poll::Pending
    }

    /// A stream is over before its target was reached.
    pub(super) fn give_up(&mut self, id: StreamId) {
        if let Some(dial) = self.under_way.remove(&id) {
            dial.abort();
        }
    }

    /// All streams are over.
    pub(super) fn give_up_all(&mut self) {
        self.dials.abort_all();
        self.under_way.clear();
    }
}
