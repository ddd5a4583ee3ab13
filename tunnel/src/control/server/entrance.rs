//! proxy2's own forwards: its own listeners, whose clients go to a name.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use proto::sealed::wire::frame::ResetCode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use super::{Attempts, Exchange};
use crate::limit::Limit;
use crate::link::sealed::TicketResources;
use crate::local::end::LocalEnd;
use crate::local::forwarding::{Arrival, Forwarding};
use crate::local::forwards::Forwards;
use crate::local::listeners::{Held, Holder, Listeners};
use crate::local::relay::relay;
use crate::metrics::Counters;
use crate::names::Service;

/// One of them.
#[derive(Debug)]
pub(crate) struct Entrance {
    forwards: Forwards,
    /// Nobody else gets the address.
    _held: Held,
    service: Service,
}

impl Entrance {
    /// The clients of `forwarding` go to `service`. `None`: somebody else is known to listen there.
    pub(crate) fn new(listeners: &Listeners, forwarding: Forwarding, service: Service) -> Option<Self> {
        // This process hands over nothing, so nobody is told that it should.
        let holder = Holder { ticket: None, wanted: mpsc::channel(1).0, registration: 0 };
        let held = listeners.hold(forwarding.bound().clone(), holder).ok()?;
        Some(Self { forwards: Forwards::new(vec![forwarding]), _held: held, service })
    }

    /// Carries clients until it is dropped: then they are reset.
    pub(crate) async fn serve(mut self, exchange: Exchange, resources: Arc<TicketResources>) {
        let mut clients = JoinSet::new();
        let lines = Arc::new(Limit::new(Instant::now()));
        let mut counters = Counters::default();
        loop {
            tokio::select! {
                arrival = poll_fn(|cx| self.forwards.poll(cx, &mut counters)) => {
                    let failures = std::mem::take(&mut counters.accept_failures);
                    exchange.counters.count(|counters| counters.accept_failures += failures);
                    let carrier = Carrier {
                        exchange: exchange.clone(),
                        resources: Arc::clone(&resources),
                        service: self.service.clone(),
                        lines: Arc::clone(&lines),
                    };
                    clients.spawn(carrier.carry(arrival));
                }
                Some(_) = clients.join_next() => {}
            }
        }
    }
}

struct Carrier {
    exchange: Exchange,
    resources: Arc<TicketResources>,
    service: Service,
    lines: Arc<Limit>,
}

impl Carrier {
    async fn carry(self, arrival: Arrival) {
        let Arrival { stream, client, first, .. } = arrival;
        let attempts = Attempts::of(&self.exchange, &self.resources, None, client.address());
        let opened = match self.resources.take_place() {
            Ok(place) => attempts
                .first(&self.service)
                .await
                .map(|arrived| (arrived, place))
                .map_err(|error| (error.code(), error.to_string())),
            Err(code) => Err((code, code.to_string())),
        };
        match (opened, stream) {
            (Ok((arrived, _place)), LocalEnd::Stream(stream)) => match arrived.stream {
                LocalEnd::Stream(far) => relay(stream, far, first).await,
                LocalEnd::Flow(_) => stream.abort(ResetCode::Forbidden),
            },
            (Ok(_), flow @ LocalEnd::Flow(_)) => flow.abort(ResetCode::Forbidden),
            (Err((code, why)), stream) => {
                if let Some(held_back) = self.lines.pass(Instant::now()) {
                    warn!(%client, name = %self.service.name, held_back, "client refused: {why}");
                }
                stream.abort(code);
            }
        }
    }
}
