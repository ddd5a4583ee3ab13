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
        // Also what has been dialled and nobody has taken: the next link's streams have the same ids.
        self.dials = JoinSet::new();
        self.under_way.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use proto::sealed::streams::budget::Budget;
    use tokio::net::TcpListener;

    use super::*;
    use crate::link::sealed::ticket_share::StreamPlaces;

    #[tokio::test]
    async fn what_was_dialled_for_a_link_that_is_gone_is_not_the_next_links() {
        let [first, second] =
            [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
        let [first, second] = [first.unwrap(), second.unwrap()];
        let at = |listener: &TcpListener| listener.local_addr().unwrap();
        let allow = Allow { target: None, others: vec![at(&first).into(), at(&second).into()] };
        let ticket = TicketResources::new("one".into(), StreamPlaces::new(9).share(), Budget::new(1 << 20));
        let settings = DialSettings { limit: Duration::from_secs(5), keepalive: Default::default() };
        let mut dialler = Dialler::new(Arc::new(allow), settings, Arc::new(ticket));
        let id = StreamId(1);
        dialler.dial(id, at(&first).to_string().as_bytes()).unwrap();
        // It has been dialled, and nobody has taken the result.
        first.accept().await.unwrap();
        tokio::task::yield_now().await;
        dialler.give_up_all();
        dialler.dial(id, at(&second).to_string().as_bytes()).unwrap();
        let dialled = poll_fn(|cx| dialler.poll(cx)).await;
        assert!(matches!(dialled, LocalConnection::Target(found, ..) if found == id), "{dialled:?}");
        second.accept().await.unwrap();
        assert!(dialler.under_way.is_empty() && dialler.dials.is_empty());
    }
}
