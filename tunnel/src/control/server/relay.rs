//! Finds a publisher for a stream or a flow to a name: one after the other is asked, the next when one refuses or is silent for a while.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proto::destination::Client;
use proto::sealed::wire::frame::ResetCode;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Exchange;
use crate::link::sealed::{Arrived, LinkRequest, Presence, RequestSender, TicketResources, dial_in_turn};
use crate::local::dial::{DialError, OwnTarget};
use crate::local::end::LocalEnd;
use crate::local::grant::PeerRegistration;
use crate::local::pipe::{RelayMemory, relay};
use crate::local::udp::flow_pipe;
use crate::names::{self, Candidate, Service};

/// How long a publisher may be silent before the next is asked beside it: some round trips of any path, and its dial.
const ATTEMPT_DELAY: Duration = Duration::from_secs(1);

/// How long a publisher that is silent has to show that it is back: a round trip of a long path.
const COME_BACK: Duration = Duration::from_secs(1);

/// How often a publisher that has not said whether it takes a stream is asked whether it is there.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What leads to a publisher.
#[derive(Clone, Debug)]
pub(crate) enum Reach {
    /// The other end of a link, by its registration.
    Link {
        /// The link.
        requests: RequestSender,
        /// The registration.
        registration: Arc<PeerRegistration>,
        /// Whether it is there.
        presence: Arc<Presence>,
    },
    /// A target of this process.
    Own(OwnTarget),
}

impl names::Reach for Reach {
    fn is_silent(&self) -> bool {
        match self {
            Self::Link { presence, .. } => presence.is_silent(),
            Self::Own(_) => false,
        }
    }

    fn keep_watched(&self) {
        match self {
            Self::Link { presence, .. } => presence.keep_watched(),
            Self::Own(_) => {}
        }
    }
}

/// Who asks for a stream or a flow to a name, and what it may have.
#[derive(Debug)]
pub(crate) struct Attempts {
    exchange: Exchange,
    ticket: Arc<TicketResources>,
    client: Client,
}

impl Attempts {
    /// Of somebody with that ticket, or without one, at that address.
    pub(crate) fn of(
        exchange: &Exchange,
        resources: &Arc<TicketResources>,
        ticket: Option<&str>,
        from: Option<SocketAddr>,
    ) -> Self {
        let ticket = ticket.and_then(|name| name.parse().ok());
        let client = Client { registration: 0, ticket, from, udp: false };
        Self { exchange: exchange.clone(), ticket: Arc::clone(resources), client }
    }

    /// The stream, or the flow if the service takes datagrams, to the first publisher that takes it. The others that were asked by then are told that it is not wanted.
    ///
    /// Cancel safe: what was begun ends.
    ///
    /// # Errors
    /// Nobody publishes the name; what was said last.
    pub(crate) async fn first(&self, service: &Service) -> Result<Arrived, DialError> {
        let limit = self.exchange.dialling.limit;
        timeout(limit, self.try_each(service)).await.unwrap_or(Err(DialError::TimedOut))
    }

    async fn try_each(&self, service: &Service) -> Result<Arrived, DialError> {
        let client = Client { udp: service.udp, ..self.client.clone() };
        let mut left = self.exchange.names.candidates(service).into_iter();
        let mut attempts = JoinSet::new();
        let (mut last, mut asked) = (DialError::NotPublished, false);
        loop {
            if let Some(candidate) = left.next() {
                if asked {
                    self.exchange.counters.count(|counters| counters.publishers_passed_over += 1);
                }
                asked = true;
                attempts.spawn(attempt(
                    self.exchange.clone(),
                    Arc::clone(&self.ticket),
                    client.clone(),
                    candidate,
                ));
            }
            tokio::select! {
                ended = attempts.join_next() => match ended {
                    Some(Ok(Ok(arrived))) => return Ok(arrived),
                    Some(Ok(Err(error))) => last = error,
                    Some(Err(_)) => {}
                    None => return Err(last),
                },
                // Once nobody is left to ask, the limit of the whole decides.
                () = sleep(ATTEMPT_DELAY), if asked => asked = left.len() > 0,
            }
        }
    }
}

async fn attempt(
    exchange: Exchange,
    ticket: Arc<TicketResources>,
    client: Client,
    candidate: Candidate<Reach>,
) -> Result<Arrived, DialError> {
    let load = candidate.load.take();
    match candidate.reach {
        Reach::Link { requests, registration, presence } => {
            let place = ticket.take_relay().map_err(DialError::Publisher)?;
            let client = Client { registration: registration.id, ..client };
            let gone = DialError::Publisher(ResetCode::Unreachable);
            // It may have come back since it was silent.
            presence.ask();
            if timeout(COME_BACK, presence.heard()).await.is_err() {
                return Err(gone);
            }
            let stream = tokio::select! {
                opened = open_for(&requests, client, registration, &exchange.memory) => opened?,
                () = until_silent(&presence) => return Err(gone),
            };
            Ok(Arrived { stream, at: None, place: place.counted(load) })
        }
        Reach::Own(own) => {
            let place = ticket.take_place().map_err(DialError::Publisher)?;
            ticket.take_port(&own.wanted).map_err(DialError::Publisher)?;
            let dialled = dial_in_turn(&ticket.turns(), &own.wanted, &own.rules, &exchange.dialling).await?;
            Ok(Arrived { at: None, stream: dialled.into(), place: place.counted(load) })
        }
    }
}

/// Asks a publisher again and again whether it is there, until it is silent.
async fn until_silent(presence: &Presence) {
    while timeout(ASK_AGAIN, presence.silent()).await.is_err() {
        presence.ask();
    }
}

/// The near end of a pipe to a publisher, once that has said that the client is there.
async fn open_for(
    link: &RequestSender,
    client: Client,
    registration: Arc<PeerRegistration>,
    memory: &RelayMemory,
) -> Result<LocalEnd, DialError> {
    let gone = |_| DialError::Publisher(ResetCode::Unreachable);
    if client.udp {
        let (end, far_end) = flow_pipe();
        link.send(LinkRequest::OpenFor(client, registration, far_end.into())).await.map_err(gone)?;
        end.opened().await.map_err(DialError::Publisher)?;
        return Ok(end.into());
    }
    let (end, far_end) = relay(memory);
    link.send(LinkRequest::OpenFor(client, registration, far_end.into())).await.map_err(gone)?;
    end.opened().await.map_err(DialError::Publisher)?;
    Ok(end.into())
}
