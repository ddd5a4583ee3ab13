//! The clients of a link's proxy ports that have not been brought on their way yet.

use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use super::opener::{LinkOpener, Opener, ProxyClient, ProxyRequest};
use super::places::{ProxyPlace, ProxyPlaces};
use super::{Outcome, serve};
use crate::limit::Limit;
use crate::local::listener::ClientName;
use crate::local::stream::LocalStream;
use crate::metrics::Counters;

/// Requests that may wait for the link.
const WAITING: usize = 64;

/// All clients of all proxy ports of a link.
#[derive(Debug)]
pub(crate) struct ProxyClients {
    tasks: JoinSet<(ClientName, Outcome)>,
    asked: mpsc::Receiver<ProxyRequest>,
    ask: mpsc::Sender<ProxyRequest>,
    outcomes: Outcomes,
}

/// Counts what became of clients of proxy ports, and tells the log of it now and then.
#[derive(Debug)]
pub(crate) struct Outcomes(Limit);

impl ProxyClients {
    /// None.
    pub(crate) fn new() -> Self {
        let (ask, asked) = mpsc::channel(WAITING);
        Self { tasks: JoinSet::new(), asked, ask, outcomes: Outcomes::new() }
    }

    /// Serves one more, if it has a place.
    pub(crate) fn take<S: ProxyClient>(
        &mut self,
        stream: S,
        client: ClientName,
        places: &ProxyPlaces,
        counters: &mut Counters,
    ) where
        LocalStream: From<S>,
    {
        match places.take(client) {
            Some(place) => self.spawn(stream, client, place),
            None => {
                counters.proxy_clients_refused += 1;
                LocalStream::from(stream).abort(proto::sealed::wire::frame::ResetCode::Limit);
                self.outcomes.complain(
                    client,
                    "as many clients as a proxy port may have, or one machine of them, are not served yet",
                );
            }
        }
    }

    fn spawn<S: ProxyClient>(&mut self, stream: S, client: ClientName, place: ProxyPlace)
    where
        LinkOpener<S>: Opener<Client = S>,
    {
        let opener = LinkOpener::new(self.ask.clone(), client);
        self.tasks.spawn(async move {
            let outcome = serve(stream, opener).await;
            drop(place);
            (client, outcome)
        });
    }

    /// The next stream that one of them wants.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, counters: &mut Counters) -> Poll<ProxyRequest> {
        if self.tasks.is_empty() {
            return Poll::Pending;
        }
        if let Poll::Ready(Some(request)) = self.asked.poll_recv(cx) {
            return Poll::Ready(request);
        }
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
            if let Ok((client, outcome)) = ended {
                self.outcomes.count(client, outcome, counters);
            }
        }
        Poll::Pending
    }
}

impl Outcomes {
    /// Nothing has happened yet.
    pub(crate) fn new() -> Self {
        Self(Limit::new(Instant::now()))
    }

    /// What became of one.
    pub(crate) fn count(&self, client: ClientName, outcome: Outcome, counters: &mut Counters) {
        match outcome {
            Outcome::Done => {}
            Outcome::TimedOut => {
                counters.proxy_clients_timed_out += 1;
                self.complain(client, "it did not say in time where it wants to go");
            }
            Outcome::Malformed(what) => {
                counters.proxy_clients_malformed += 1;
                self.complain(client, what);
            }
            Outcome::Unsupported(what) => {
                counters.proxy_clients_unsupported += 1;
                self.complain(client, what);
            }
        }
    }

    /// One is refused.
    pub(crate) fn complain(&self, client: ClientName, why: &'static str) {
        if let Some(held_back) = self.0.pass(Instant::now()) {
            warn!(%client, held_back, "client of a proxy port refused: {why}");
        }
    }
}
