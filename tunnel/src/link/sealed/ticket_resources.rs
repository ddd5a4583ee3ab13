//! What one ticket has of the process: the same for all its links together, so that more links bring no more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use proto::sealed::streams::budget::Budget;
use proto::sealed::wire::frame::ResetCode;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::address::{HostPort, ResolveError};
use crate::limit::{Bucket, Limit};
use crate::link::sealed::journal::StreamLines;
use crate::link::sealed::ticket_share::{StreamPlace, StreamPlaces, TicketShare};
use crate::local::access::{Access, Who};
use crate::local::dial::{DialError, DialSettings, Dialled, Resolver, SystemResolver, Wanted, dial};
use crate::rules::Rules;
use crate::settings::Allow;

/// What a ticket holds and may still have. Kept for as long as there is the ticket, not only while it has links: a new
/// link must not bring new limits.
#[derive(Debug)]
pub(crate) struct TicketResources {
    /// What the ticket may do: its own rules, or those of all without.
    rules: watch::Sender<Rules>,
    access: Access,
    streams: TicketShare,
    /// Streams that take no descriptor here: to other links, and control streams.
    relays: TicketShare,
    memory: Budget,
    dials: Arc<DialTurns>,
    /// Ports of this machine for connections to targets elsewhere.
    ports: Bucket,
    /// Requests on control streams.
    requests: Bucket,
    /// Bytes of answers to checks of the path.
    check_bytes: Arc<Bucket>,
    link_lines: Limit,
    stream_lines: Arc<StreamLines>,
}

/// What the dials of a ticket take turns for. A dial costs more than its descriptor: the target's queue, ports, perhaps a look-up's
/// thread.
#[derive(Debug)]
pub(crate) struct DialTurns {
    pub(super) dials: Semaphore,
    names: SystemResolver,
}

impl DialTurns {
    /// So many dials at a time.
    fn new(dials: usize) -> Self {
        Self { dials: Semaphore::new(dials), names: SystemResolver::new() }
    }

    /// The addresses of a host, when it is the ticket's turn to look one up.
    ///
    /// # Errors
    /// It is unknown, or cannot be asked for.
    pub(crate) async fn look_up(&self, host: &HostPort) -> Result<Vec<SocketAddr>, ResolveError> {
        self.names.resolve(host).await
    }
}
/// Streams of a process that take no descriptor: with two directions that hold the least that they may, 256 MiB.
pub(super) const MAX_RELAYS: usize = 65_536;

impl TicketResources {
    /// Dials under way at a time; others wait for their turn.
    const DIALS: usize = 256;
    /// Connections a second to a target on another machine, and at once. One that proxy2 ends first keeps its port for a minute
    /// (TIME_WAIT), and Linux has 28,232 for each target: one ticket gets half of them.
    const PORTS: (u32, u32) = (230, 7_000);

    /// Requests a second on control streams, and at once: all that one may register, and some more.
    const REQUESTS: (u32, u32) = (1_024, 8_192);
    /// Bytes of answers to checks a second, and at once: what the four flows may have that one link may have. A check with a load
    /// asks for 2 MB a second for a moment.
    const CHECK_BYTES: (u32, u32) = (8_000_000, 2_000_000);

    /// Those of `who`, who has nothing yet and may do what `allow` says.
    pub(super) fn new(who: Who, allow: &Allow, streams: TicketShare, memory: Budget) -> Self {
        let (rules, current) = watch::channel(allow.rules.clone());
        Self {
            rules,
            access: Access::new(who, allow.target.clone(), current),
            streams,
            relays: StreamPlaces::new(MAX_RELAYS).share(),
            memory,
            dials: Arc::new(DialTurns::new(Self::DIALS)),
            ports: Bucket::new(Instant::now(), Self::PORTS.0, Self::PORTS.1),
            requests: Bucket::new(Instant::now(), Self::REQUESTS.0, Self::REQUESTS.1),
            check_bytes: Arc::new(Bucket::new(Instant::now(), Self::CHECK_BYTES.0, Self::CHECK_BYTES.1)),
            link_lines: Limit::new(Instant::now()),
            stream_lines: Arc::default(),
        }
    }

    /// Those of a ticket that is alone.
    #[cfg(test)]
    pub(crate) fn alone(name: &str, rules: Rules) -> Self {
        let (who, memory) = (Who::Ticket(name.into()), Budget::new(1 << 20));
        Self::new(who, &Allow { target: None, rules }, StreamPlaces::new(64).share(), memory)
    }

    /// As if it had asked for more than it may, and dialled more often.
    #[cfg(test)]
    pub(crate) fn use_up(&self) {
        [&self.requests, &self.ports, &self.check_bytes]
            .into_iter()
            .for_each(|bucket| bucket.charge(Instant::now(), 1 << 20));
    }

    /// What the ticket is called in the log.
    pub(crate) fn name(&self) -> &str {
        self.access.name()
    }

    /// What the ticket may do, as it changes.
    pub(crate) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Changes what the ticket may do. All its links hear of it.
    pub(crate) fn set_rules(&self, rules: Rules) {
        self.rules.send_if_modified(|old| {
            let changed = *old != rules;
            *old = rules;
            changed
        });
    }

    /// The same, as one of several tickets with a part in the streams that take no descriptor.
    pub(super) fn relaying(self, relays: TicketShare) -> Self {
        Self { relays, ..self }
    }

    /// A place for one more stream to another link, or for a control stream.
    ///
    /// # Errors
    /// The ticket has all that it may have now.
    pub(crate) fn take_relay(&self) -> Result<StreamPlace, ResetCode> {
        self.relays.take().ok_or(ResetCode::Limit)
    }

    /// Whether one more request on a control stream may be answered now.
    pub(crate) fn may_ask(&self) -> bool {
        self.requests.take(Instant::now())
    }

    /// The bytes of answers to checks that it may have.
    pub(crate) fn check_bytes(&self) -> Arc<Bucket> {
        Arc::clone(&self.check_bytes)
    }

    /// A place for one more stream.
    ///
    /// # Errors
    /// The ticket has all that it may have now.
    pub(crate) fn take_place(&self) -> Result<StreamPlace, ResetCode> {
        self.streams.take().ok_or(ResetCode::Limit)
    }

    /// Whether one more connection to what is wanted may take a port of this machine. Ports of loopback are free again at once.
    ///
    /// # Errors
    /// The ticket has had as many as it may have.
    pub(crate) fn take_port(&self, wanted: &Wanted) -> Result<(), ResetCode> {
        let free = wanted.is_local() || self.ports.take(Instant::now());
        if free { Ok(()) } else { Err(ResetCode::Limit) }
    }

    /// What the data of its streams may take.
    pub(super) fn memory(&self) -> &Budget {
        &self.memory
    }

    /// What a dial waits for.
    pub(crate) fn turns(&self) -> Arc<DialTurns> {
        Arc::clone(&self.dials)
    }

    /// Whether a line about a link may be written now; see [`Limit::pass`].
    pub(crate) fn pass_link_line(&self) -> Option<Option<u64>> {
        self.link_lines.pass(Instant::now())
    }

    /// What may be written about its streams.
    pub(super) fn stream_lines(&self) -> Arc<StreamLines> {
        Arc::clone(&self.stream_lines)
    }
}

/// Dials when it is its turn. Waiting for that and dialling may each take the limit of a dial.
///
/// # Errors
/// See [`dial`]; [`DialError::NoTurn`].
pub(crate) async fn dial_in_turn(
    turns: &DialTurns,
    wanted: &Wanted,
    rules: &Rules,
    dialling: &DialSettings,
) -> Result<Dialled, DialError> {
    // Nobody closes the semaphore.
    let Ok(Ok(_turn)) = timeout(dialling.limit, turns.dials.acquire()).await else {
        return Err(DialError::NoTurn);
    };
    dial(wanted, rules, dialling, &turns.names).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::local::dial::WantedHost;
    use crate::settings::TcpKeepalive;

    #[test]
    fn one_ticket_leaves_half_of_the_ports() {
        let places = StreamPlaces::new(10);
        let (who, memory) = (Who::Ticket("laptop".into()), Budget::new(1 << 20));
        let ticket = TicketResources::new(who, &Allow::default(), places.share(), memory);
        let target = |text: &str| Wanted::Host(WantedHost::own(&text.parse::<SocketAddr>().unwrap().into()));
        let taken = (0..20_000).filter(|_| ticket.take_port(&target("192.0.2.1:80")).is_ok()).count();
        assert!((7_000..8_000).contains(&taken), "{taken} ports");
        assert!(ticket.take_port(&target("127.0.0.1:80")).is_ok());
    }

    #[tokio::test]
    async fn a_dial_waits_for_its_turn_but_not_for_ever() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Wanted::Host(WantedHost::own(&listener.local_addr().unwrap().into()));
        let rules = Rules::target();
        let turns = DialTurns::new(1);
        let taken = turns.dials.acquire().await.unwrap();
        let within =
            |limit| DialSettings { limit, keepalive: TcpKeepalive::default(), own_udp: Arc::default() };
        let refused = dial_in_turn(&turns, &target, &rules, &within(Duration::from_millis(10))).await;
        assert!(matches!(refused, Err(DialError::NoTurn)), "{refused:?}");
        let in_time = within(Duration::from_secs(10));
        let waiting = dial_in_turn(&turns, &target, &rules, &in_time);
        let (dialled, ()) = tokio::join!(waiting, async { drop(taken) });
        assert!(dialled.is_ok(), "{dialled:?}");
    }
}
