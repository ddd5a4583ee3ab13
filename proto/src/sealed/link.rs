//! One end of a sealed link: a [`Transport`] under keys that change, towards an address that changes.
//!
//! Drive it like the transport: give it datagrams ([`Link::handle_datagram`]) and time ([`Link::handle_timeout`]), work
//! with its streams ([`Link::streams`]), then drain [`Link::poll_transmit`] and [`Link::poll_event`] and wait until
//! [`Link::poll_timeout`] or the next input.

mod chance;
mod destinations;
mod dormant;
mod ending;
pub mod figures;
mod keepalive;
mod liveness_probe;
mod path;
mod reachability;
mod receive;
mod rekey_timer;
mod sessions;
mod state;
#[cfg(test)]
mod tests;
mod timers;
mod transmit;

use super::transport::{self, Fault, Transport};
use crate::sealed::crypto::cipher::SessionKeys;
use crate::sealed::crypto::random::Random;
use crate::sealed::crypto::replay::Replay;
use crate::sealed::handshake::initiator::{Initiator, Refused};
use crate::sealed::handshake::terms::{Features, Limits, UnixMicros};
use crate::sealed::streams::budget::Budget;
use crate::sealed::streams::table::Side;
use crate::sealed::wire::end_code::Ended;
use crate::ticket::Ticket;
use crate::time::Time;
use chance::Chance;
use destinations::Destinations;
use keepalive::Keepalive;
use liveness_probe::LivenessProbe;
use path::PeerPath;
pub use path::{FourTuple, SocketId};
use reachability::Reachability;
use rekey_timer::RekeyTimer;
use sessions::Sessions;
use state::LinkState;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
pub use transmit::Transmit;

/// The options of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Those of its transport.
    pub transport: transport::Settings,
    /// While streams are open and nothing else is sent, ask for a sign of life this often, so that NATs on the way
    /// keep their state; zero: never. Only the client does it.
    pub keepalive: Duration,
    /// After how long a silence of the client the server lets the link go, with its streams; zero: never. Without streams it
    /// does after a day at the latest.
    pub abandon: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        // 20 s is below the 30 s after which the most impatient NATs forget a UDP flow (RFC 4787 asks for 2 min).
        let (keepalive, abandon) = (Duration::from_secs(20), Duration::from_secs(24 * 3_600));
        Self { transport: transport::Settings::default(), keepalive, abandon }
    }
}

/// How long a link whose life is doubted has to show it.
const LIVENESS_PATIENCE: Duration = Duration::from_millis(1_500);

/// What the owner of a link wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something about its streams.
    Stream(transport::Event),
    /// There are new keys.
    Up {
        /// They are the first since the link began.
        first: bool,
    },
    /// The server reached does not let this client in. It will be asked again.
    Refused(Refused),
    /// The peer's process is another one than before, or has lost its state of this link. All streams are gone: reset
    /// their TCP connections. New streams can be opened at once.
    Restarted,
    /// The peer is at another address. At the client: it answered there, or over another socket, and had been silent.
    Moved(SocketAddr),
    /// The client now shows itself after this long without a packet: something on the path forgot it sooner than before.
    Keepalive(Duration),
    /// Initiations go unanswered, or at the server what [`Link::probe_liveness`] asked; said once a silence.
    Unreachable,
    /// The peer is heard again after that.
    Heard,
    /// The peer ended the link for this reason.
    Ended(Ended),
    /// The peer was asked whether it lives ([`Link::check_liveness`]) and did not answer, or has not used the link for long.
    Gone,
    /// The peer broke the rules; the link is of no use any more.
    Broken(Fault),
}

/// Datagrams that were not used, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DropCounts {
    /// Not the form of any packet.
    pub malformed: u64,
    /// Not authentic, or under keys this link does not have.
    pub forged: u64,
    /// Seen before, or too old to tell.
    pub replayed: u64,
    /// Handshake packets that answer nothing.
    pub unasked: u64,
}

/// One end of a link.
#[derive(Debug)]
pub struct Link {
    settings: Settings,
    transport: Transport,
    sessions: Sessions,
    replay: Replay,
    arrived: figures::Arrived,
    highest: Option<u64>,
    /// The highest packet that holds more than path probes.
    highest_non_probing: Option<u64>,
    path: PeerPath,
    rekey: Option<RekeyTimer>,
    /// The ticket that takes the place of the client's when the link starts again.
    next_ticket: Option<Ticket>,
    random: Random,
    events: VecDeque<Event>,
    /// A handshake packet that must go, and where to.
    outgoing: Option<(Vec<u8>, FourTuple)>,
    /// Where initiations go.
    destinations: Destinations,
    keepalive: Keepalive,
    liveness_probe: LivenessProbe,
    heard_at: Time,
    reachability: Reachability,
    sent_at: Time,
    /// The last content heard after which a sign of life has been asked for.
    quiet_at: Time,
    /// The peer may open streams whenever it likes.
    expects_streams: bool,
    state: LinkState,
    /// Datagrams that were not used.
    pub dropped: DropCounts,
}

impl Link {
    /// The client's end: asks `peer` for keys as soon as it is driven.
    pub fn client(
        now: Time,
        peer: impl Into<FourTuple>,
        initiator: Initiator,
        settings: Settings,
        random: Random,
    ) -> Self {
        Self::new(now, Side::Client, peer.into(), Some(RekeyTimer::new(initiator)), settings, random)
    }

    /// The server's end: `session` was accepted for a client at `from`, whose handshake said `limits`.
    pub fn server(
        now: Time,
        from: impl Into<FourTuple>,
        session: SessionKeys,
        limits: Limits,
        settings: Settings,
        random: Random,
    ) -> Self {
        let mut link = Self::new(now, Side::Server, from.into(), None, settings, random);
        link.transport.set_peer_limits(&limits);
        link.sessions.let_last(limits.features.has(Features::LASTING_KEYS));
        link.sessions.wait_for(now, session);
        link
    }

    fn new(
        now: Time,
        side: Side,
        peer: FourTuple,
        rekey: Option<RekeyTimer>,
        settings: Settings,
        mut random: Random,
    ) -> Self {
        let numbers = Random::from_seed(*random.block());
        let state = if rekey.is_some() { LinkState::Asking } else { LinkState::SERVING };
        Self {
            settings,
            transport: Transport::with_random(side, settings.transport, numbers),
            sessions: Sessions::default(),
            replay: Replay::new(),
            arrived: figures::Arrived::default(),
            highest: None,
            highest_non_probing: None,
            path: PeerPath::new(peer),
            rekey,
            next_ticket: None,
            random,
            events: VecDeque::new(),
            outgoing: None,
            destinations: Destinations::default(),
            keepalive: Keepalive::new(settings.keepalive),
            liveness_probe: LivenessProbe::new(),
            heard_at: now,
            reachability: Reachability::new(now),
            sent_at: now,
            quiet_at: now,
            expects_streams: false,
            state,
            dropped: DropCounts::default(),
        }
    }

    /// The same link, whose memory is part of `budget` from now on.
    #[must_use]
    pub fn sharing(mut self, budget: &Budget) -> Self {
        self.transport.join(budget);
        self
    }

    /// The streams.
    pub const fn streams(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Where the peer is.
    pub const fn peer(&self) -> SocketAddr {
        self.path.proven().remote
    }

    /// Whether there are keys.
    pub const fn is_up(&self) -> bool {
        self.sessions.is_up()
    }

    /// What the peer showed in its handshake that it understands beyond the first version; nothing while none was completed.
    pub const fn peer_features(&self) -> Features {
        self.transport.peer_features()
    }

    /// When the last authentic packet came.
    pub const fn heard_at(&self) -> Time {
        self.heard_at
    }

    /// Where the peer is, and over which of our sockets.
    pub const fn path(&self) -> FourTuple {
        self.path.proven()
    }

    /// The client's peer may be `at` there too: asks it for keys there, at once, beside what it does anyway. The link moves to
    /// where an initiation went that is answered. Before it knows of any place, this is its peer. What is not sent by the next call,
    /// as while the server's refusal is believed, is given up.
    pub fn try_peer(&mut self, at: impl Into<FourTuple>) {
        let at = at.into();
        if self.path.is_known() {
            self.destinations.try_next(at);
        } else {
            self.path = PeerPath::new(at);
        }
    }

    /// Whether the client's link goes on with a ticket that another takes the place of when it starts again.
    pub const fn has_newer_ticket(&self) -> bool {
        self.next_ticket.is_some()
    }

    /// From now on the client shows itself after so long without a packet of its own; zero: never.
    pub fn set_keepalive(&mut self, interval: Duration) {
        self.keepalive.set(interval);
    }

    /// The server has accepted another handshake of this link. False if the link takes no keys any more: then the response must not leave,
    /// and the client, which asks again, is told of another incarnation.
    pub fn add_session(&mut self, now: Time, session: SessionKeys) -> bool {
        if self.is_open() {
            self.sessions.wait_for(now, session);
        }
        self.is_open()
    }

    /// The server doubts that its client lives: [`Event::Gone`] follows unless it is heard soon.
    pub fn check_liveness(&mut self, now: Time) {
        if self.state.doubt(now + LIVENESS_PATIENCE) {
            self.transport.probe();
        }
    }

    /// Somebody wants to count on the server's client: [`Event::Unreachable`] follows unless it is heard soon, within half a second or
    /// five probe time-outs. The link stays. A client that counts as silent is asked once more. False if it was heard just now.
    pub fn probe_liveness(&mut self, now: Time) -> bool {
        let measured = self.transport.round_trip().is_some();
        self.rekey.is_none() && self.is_open() && self.liveness_probe.ask(now, self.heard_at, measured)
    }

    /// The server wants its place: doubts that its client lives. A link whose peer is known to be gone ends sooner than it would.
    pub fn vacate(&mut self, now: Time) {
        self.shorten_drain(now, LIVENESS_PATIENCE);
        self.check_liveness(now);
    }

    /// From its next start on the client's link is this ticket's: at once if it has not been up yet or is dormant. Else it goes on with the
    /// one before, and so do its streams. Says whether it was at once.
    pub fn set_ticket(&mut self, ticket: Ticket) -> bool {
        self.next_ticket = None;
        match &mut self.rekey {
            Some(rekey) if matches!(self.state, LinkState::Asking | LinkState::Dormant { .. }) => {
                rekey.set_ticket(ticket)
            }
            Some(_) => self.next_ticket = Some(ticket),
            None => {}
        }
        !self.has_newer_ticket()
    }

    /// Whether the peer may open streams whenever it likes: then the client stays up without any, and shows itself as if there
    /// were some.
    pub const fn expect_streams(&mut self, expected: bool) {
        self.expects_streams = expected;
    }

    /// Whether there is a use for the link: a stream is open, or the peer may open one.
    fn is_wanted(&self) -> bool {
        self.expects_streams || self.transport.stream_count() > 0
    }

    /// Whether [`Link::poll_event`] has something.
    pub fn has_events(&mut self) -> bool {
        self.take_events();
        !self.events.is_empty()
    }

    /// The next thing the owner wants to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.take_events();
        self.events.pop_front()
    }

    /// An index that names no session of this link any more: take it out of the table of indices. A client has none.
    pub fn poll_retired(&mut self) -> Option<u32> {
        self.sessions.poll_retired()
    }

    /// The limits this end tells in its handshakes.
    pub fn limits(settings: &Settings) -> Limits {
        Transport::limits(&settings.transport)
    }

    /// Asks for keys where that is due. `unix`: the wall clock.
    fn ask(&mut self, now: Time, unix: UnixMicros) {
        let Some(to) = self.take_destination(now) else { return };
        let mut index = self.random.u32();
        while self.sessions.has(index) {
            index = self.random.u32();
        }
        if let Some(rekey) = &mut self.rekey {
            self.outgoing = Some((rekey.initiator.start(now, unix, index, &mut self.random), to));
            self.destinations.on_sent(index, to, self.path.proven());
        }
    }

    /// Where an initiation has to go now: to the peer when that is due, else to a place that is tried.
    fn take_destination(&mut self, now: Time) -> Option<FourTuple> {
        let is_due = self.ask_due(now) <= now;
        let rekey = self.rekey.as_mut()?;
        if is_due {
            rekey.on_asked(now, Chance::new(self.random.u32()));
            self.reachability.on_initiation(now);
            return Some(self.path.proven());
        }
        self.destinations.take_next().filter(|_| !self.state.is_dormant() && rekey.may_ask(now))
    }
}
