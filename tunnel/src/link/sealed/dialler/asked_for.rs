//! The clients of the peer's proxy ports: each says to this end where it wants to go, and this end dials that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use proto::destination::Destination;
use proto::sealed::wire::frame::ResetCode;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::link::sealed::ticket_resources::{TicketResources, dial_in_turn};
use crate::link::sealed::ticket_share::StreamPlace;
use crate::local::dial::{DialError, DialSettings, Wanted, WantedHost, asked_for};
use crate::local::listener::ClientName;
use crate::local::pipe::PipeStream;
use crate::local::proxy::Outcome;
use crate::local::proxy::clients::Outcomes;
use crate::local::proxy::opener::serve_asked_for;
use crate::metrics::Counters;
use crate::rules::{Protocol, Rules};

/// Failures that may wait to be counted; whoever has one more waits.
const WAITING: usize = 64;

/// All such clients of one link. Each ends with its stream, all of them with the link. It holds 5 KiB even without any, and few links ever
/// have one.
#[derive(Debug)]
pub(super) struct AskedFor {
    tasks: JoinSet<(ClientName, Outcome)>,
    /// Targets that were not reached, and for whom.
    failed: mpsc::Receiver<Failed>,
    tell: mpsc::Sender<Failed>,
    outcomes: Outcomes,
    /// What they may ask for.
    rules: Rules,
}

type Failed = (ClientName, ResetCode);

impl AskedFor {
    /// None.
    pub(super) fn new() -> Self {
        let (tell, failed) = mpsc::channel(WAITING);
        Self { tasks: JoinSet::new(), failed, tell, outcomes: Outcomes::new(), rules: asked_for() }
    }

    /// Serves one more, which is at `from` if that is an address. Its place is taken until its target's connection is over.
    pub(super) fn serve(
        &mut self,
        from: Option<SocketAddr>,
        stream: PipeStream,
        place: StreamPlace,
        ticket: &Arc<TicketResources>,
        settings: &DialSettings,
    ) {
        let client = from.map_or(ClientName::Local, ClientName::At);
        let (ticket, settings, rules) = (Arc::clone(ticket), settings.clone(), self.rules.clone());
        let tell = self.tell.clone();
        let dial = move |to: Destination| {
            let (ticket, settings, rules) = (Arc::clone(&ticket), settings.clone(), rules.clone());
            let tell = tell.clone();
            async move {
                let dialled = dial_permitted(&to, &rules, &ticket, &settings).await;
                if let Err(code) = dialled {
                    // Fails only where the link is over.
                    let _ = tell.send((client, code)).await;
                }
                dialled
            }
        };
        self.tasks.spawn(async move {
            let outcome = serve_asked_for(stream, dial).await;
            drop(place);
            (client, outcome)
        });
    }

    /// Counts what has become of them.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, counters: &mut Counters) {
        if self.tasks.is_empty() {
            return;
        }
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
            // One that was aborted has no outcome.
            if let Ok((client, outcome)) = ended {
                self.outcomes.count(client, outcome, counters);
            }
        }
        // Behind that: the last one's failures are there when it has ended.
        while let Poll::Ready(Some((client, code))) = self.failed.poll_recv(cx) {
            *counters.reset_with(code) += 1;
            if code == ResetCode::Forbidden {
                self.outcomes.complain(client, "it asked for what -R without a target does not lead to");
            }
        }
    }
}

/// Connects to what a client asks for, if these rules allow it.
async fn dial_permitted(
    to: &Destination,
    rules: &Rules,
    ticket: &TicketResources,
    settings: &DialSettings,
) -> Result<TcpStream, ResetCode> {
    let Destination::Tcp(to) = to else { return Err(ResetCode::Forbidden) };
    let wanted = Wanted::Host(WantedHost::named(to, Protocol::Tcp, None));
    ticket.take_port(&wanted)?;
    let dialled = dial_in_turn(&ticket.turns(), &wanted, rules, settings).await;
    dialled.map_err(|error: DialError| error.code())?.into_tcp().ok_or(ResetCode::Forbidden)
}
