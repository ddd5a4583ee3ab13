//! One end of a sealed link: a [`Transport`] under keys that change, towards an address that changes.
//!
//! Drive it like the transport: give it datagrams ([`Link::handle_datagram`]) and time ([`Link::handle_timeout`]), work
//! with its streams ([`Link::transport`]), then drain [`Link::poll_transmit`] and [`Link::poll_event`] and wait until
//! [`Link::poll_timeout`] or the next input.

mod asking;
mod path;
mod rest;
mod sessions;
#[cfg(test)]
mod tests;
mod transmit;

use super::cipher::Session;
use super::handshake::{Epoch, Life, Limits, UnixMicros};
use super::initiator::{Established, Initiator, Outcome, Refused};
use super::packet::{Header, Kind};
use super::random::Random;
use super::replay::Replay;
use super::streams::Side;
use super::transport::{self, Fault, Transport};
use super::varint;
use crate::time::Time;
use asking::{Asking, LONG_SILENCE, SILENCE};
use path::PeerPath;
use sessions::Sessions;
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
}

impl Default for Settings {
    fn default() -> Self {
        // 20 s is below the 30 s after which the most impatient NATs forget a UDP flow (RFC 4787 asks for 2 min).
        Self { transport: transport::Settings::default(), keepalive: Duration::from_secs(20) }
    }
}

/// How long a link whose life is doubted has to show it.
const CHALLENGE: Duration = Duration::from_millis(1_500);

/// How often to see whether an address that is not validated may get more.
const SHORT_OF_BUDGET: Duration = Duration::from_millis(25);

/// A client that was receiving and hears nothing more for this long asks for a sign of life: its address may have
/// changed without its knowledge, and only its own packets show the new one.
const QUIET: Duration = Duration::from_secs(1);

/// What the owner of a link wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something about its streams.
    Stream(transport::Event),
    /// There are keys; `first`: for the first time.
    Up {
        /// Not again, but for the first time in this link's life.
        first: bool,
    },
    /// The server reached does not let this client in. It will be asked again.
    Refused(Refused),
    /// The peer's process is another one than before, or has lost its state of this link. All streams are gone: reset
    /// their TCP connections. New streams can be opened at once.
    Restarted,
    /// The peer's packets come from another address.
    Moved(SocketAddr),
    /// Questions go unanswered; told once a silence.
    Unreachable,
    /// The peer ended the link with this code, on purpose.
    Ended(u64),
    /// The peer was asked whether it lives ([`Link::challenge`]) and did not answer, or has not used the link for long.
    Gone,
    /// The peer broke the rules; the link is of no use any more.
    Broken(Fault),
}

/// Datagrams that were not used, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
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
    highest: Option<u64>,
    path: PeerPath,
    asking: Option<Asking>,
    random: Random,
    /// Which state of which process the link is with.
    with: Option<(Epoch, Life)>,
    events: VecDeque<Event>,
    /// A handshake packet that must go.
    outgoing: Option<Vec<u8>>,
    heard_at: Time,
    sent_at: Time,
    /// The last content heard after which a sign of life has been asked for.
    quiet_at: Time,
    told_unreachable: bool,
    /// The client has given the link back, and asks for another when there is a use for it.
    resting: bool,
    /// There were streams at the last look.
    was_wanted: bool,
    /// The server was heard since it was last told of that.
    heard_resting: bool,
    challenged: Option<Time>,
    ending: Option<u64>,
    /// The peer has ended the link, with this code.
    ended: Option<u64>,
    over: bool,
    /// Datagrams that were not used.
    pub dropped: Dropped,
}

impl Link {
    /// The client's end: asks `peer` for keys as soon as it is driven.
    pub fn client(
        now: Time,
        peer: SocketAddr,
        initiator: Initiator,
        settings: Settings,
        random: Random,
    ) -> Self {
        Self::new(now, Side::Client, peer, Some(Asking::new(initiator)), settings, random)
    }

    /// The server's end: `session` was accepted for a client at `from`, whose handshake said `limits`.
    pub fn server(
        now: Time,
        from: SocketAddr,
        session: Session,
        limits: Limits,
        settings: Settings,
        random: Random,
    ) -> Self {
        let mut link = Self::new(now, Side::Server, from, None, settings, random);
        link.transport.set_peer_limits(&limits);
        link.sessions.wait_for(now, session);
        link
    }

    fn new(
        now: Time,
        side: Side,
        peer: SocketAddr,
        asking: Option<Asking>,
        settings: Settings,
        random: Random,
    ) -> Self {
        Self {
            settings,
            transport: Transport::new(side, settings.transport),
            sessions: Sessions::default(),
            replay: Replay::new(),
            highest: None,
            path: PeerPath::new(peer),
            asking,
            random,
            with: None,
            events: VecDeque::new(),
            outgoing: None,
            heard_at: now,
            sent_at: now,
            quiet_at: now,
            told_unreachable: false,
            resting: false,
            was_wanted: false,
            heard_resting: false,
            challenged: None,
            ending: None,
            ended: None,
            over: false,
            dropped: Dropped::default(),
        }
    }

    /// The streams.
    pub const fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Where the peer is.
    pub const fn peer(&self) -> SocketAddr {
        self.path.address()
    }

    /// Whether there are keys.
    pub const fn is_up(&self) -> bool {
        self.sessions.is_up()
    }

    /// When the last authentic packet came.
    pub const fn heard_at(&self) -> Time {
        self.heard_at
    }

    /// The peer is at `peer` from now on: its name has another address.
    pub fn set_peer(&mut self, peer: SocketAddr) {
        if peer != self.path.address() {
            self.path = PeerPath::new(peer);
            self.transport.on_new_path();
        }
    }

    /// The server has accepted another handshake of this link.
    pub fn add_session(&mut self, now: Time, session: Session) {
        self.sessions.wait_for(now, session);
    }

    /// Doubts that the peer lives: [`Event::Gone`] follows unless it is heard soon.
    pub fn challenge(&mut self, now: Time) {
        if self.challenged.is_none() && self.ended.is_none() {
            self.challenged = Some(now + CHALLENGE);
            self.transport.probe();
        }
    }

    /// Tells the peer, as well as one packet can, that the link is over.
    pub const fn close(&mut self, code: u64) {
        self.ending = Some(code);
        // Without keys there is nobody to tell.
        self.over |= !self.is_up();
    }

    /// Takes in one datagram; what it holds is opened where it lies. `from`: where it came from.
    pub fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: &mut [u8]) {
        if self.over || self.ended.is_some() {
            return;
        }
        match Kind::of(datagram) {
            Some(Kind::Data) => self.handle_data(now, from, datagram),
            Some(Kind::Answer | Kind::Cookie) => self.handle_answer(now, datagram),
            Some(Kind::Hello) | None => self.dropped.malformed += 1,
        }
    }

    fn handle_data(&mut self, now: Time, from: SocketAddr, datagram: &mut [u8]) {
        let size = datagram.len();
        // Acknowledgements can name no higher number.
        let header = Header::parse(datagram).filter(|header| header.counter <= varint::MAX);
        let Some(header) = header else {
            self.dropped.malformed += 1;
            return;
        };
        if !self.replay.is_new(header.counter) {
            self.dropped.replayed += 1;
            return;
        }
        let next = self.transport.next_packet();
        let Ok(opened) = self.sessions.open(now, next, header, datagram) else {
            self.dropped.forged += 1;
            return;
        };
        self.replay.mark(header.counter);
        if opened.confirms {
            self.events.push_back(Event::Up { first: self.highest.is_none() });
        }
        self.heard(now);
        if self.highest.is_none_or(|highest| header.counter > highest) {
            self.highest = Some(header.counter);
            self.follow(now, from);
        }
        if from == self.path.address() {
            self.path.on_received(size);
        }
        if let Err(fault) = self.transport.handle_packet(now, header.counter, opened.frames) {
            self.over = true;
            self.events.push_back(Event::Broken(fault));
        }
        self.take_events();
    }

    fn heard(&mut self, now: Time) {
        self.heard_at = now;
        self.heard_resting = true;
        self.challenged = None;
        self.told_unreachable = false;
    }

    /// The server follows its client; the client stays with the address its user gave.
    fn follow(&mut self, now: Time, from: SocketAddr) {
        if self.asking.is_some() || from == self.path.address() {
            return;
        }
        if self.path.move_to(now, from, &mut self.random) {
            self.transport.on_new_path();
        }
        self.events.push_back(Event::Moved(from));
    }

    fn take_events(&mut self) {
        while let Some(event) = self.transport.poll_event() {
            if let transport::Event::Checked(token) = event {
                self.path.on_checked(token);
            } else if let transport::Event::Ended(code) = event {
                self.peer_ended(code);
            } else {
                self.events.push_back(Event::Stream(event));
            }
        }
        self.end_when_read();
    }

    fn handle_answer(&mut self, now: Time, datagram: &[u8]) {
        let Some(asking) = &mut self.asking else {
            self.dropped.malformed += 1;
            return;
        };
        match asking.initiator.handle(now, datagram) {
            Outcome::Established(established) => self.established(now, *established),
            Outcome::Refused(refused) => {
                asking.on_refused(now);
                self.told_unreachable = false;
                self.events.push_back(Event::Refused(refused));
            }
            Outcome::Resend(message) => self.outgoing = Some(message),
            Outcome::Ignored(_) => self.dropped.unasked += 1,
        }
    }

    fn established(&mut self, now: Time, new: Established) {
        let with = Some((new.epoch, new.life));
        // What was opened before the first answer is known to nobody but us, and stays.
        let first = self.with.is_none();
        if !first && self.with != with {
            let lost = self.transport.stream_count() > 0;
            self.start_over();
            if lost {
                self.events.push_back(Event::Restarted);
            }
        }
        self.with = with;
        self.resting = false;
        self.transport.set_peer_limits(&new.limits);
        self.sessions.replace(now, self.transport.next_packet(), new.session);
        if let Some(asking) = &mut self.asking {
            asking.on_established();
        }
        self.heard(now);
        // The server goes over to the new keys when it sees a packet under them.
        self.transport.probe();
        self.events.push_back(Event::Up { first });
    }

    /// Forgets the streams, the packets and the keys.
    fn start_over(&mut self) {
        self.transport = self.transport.renewed();
        self.forget_peer();
    }

    /// Forgets the peer's packets and the keys.
    fn forget_peer(&mut self) {
        self.replay = Replay::new();
        self.highest = None;
        self.sessions.clear();
    }

    /// Whether somebody waits for the peer: a stream is open, or something is not acknowledged.
    fn is_wanted(&self) -> bool {
        self.transport.stream_count() > 0
    }

    /// When to ask for keys; never if there is no reason to.
    fn ask_due(&self, now: Time) -> Time {
        let Some(asking) = self.asking.as_ref().filter(|_| self.path.is_known()) else { return Time::NEVER };
        let wanted = self.is_wanted();
        if self.resting {
            return if wanted { now } else { Time::NEVER };
        }
        if !self.is_up() || self.sessions.is_old(now, self.transport.next_packet()) && wanted {
            return asking.due(wanted);
        }
        // Silence counts from when the peer had something to answer: before that it was just idle.
        let Some(waiting) = self.transport.waiting_since() else { return Time::NEVER };
        // What was sent into a long silence has not had the time to be answered, but may well not be.
        let unheard = waiting.since(self.heard_at) >= LONG_SILENCE;
        let patience = SILENCE + self.transport.round_trip().unwrap_or_default() * 2;
        asking.due(wanted).max(if unheard { waiting } else { self.heard_at.max(waiting) + patience })
    }

    /// When the client asks for a sign of life.
    fn probe_due(&self) -> Time {
        if self.asking.is_none() || !self.is_up() || self.transport.stream_count() == 0 {
            return Time::NEVER;
        }
        let content = self.transport.content_at();
        let quiet = if content > self.quiet_at { self.heard_at + QUIET } else { Time::NEVER };
        let keepalive = self.settings.keepalive;
        let alive = if keepalive.is_zero() { Time::NEVER } else { self.sent_at + keepalive };
        quiet.min(alive)
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.transport.handle_timeout(now);
        self.sessions.expire(now);
        if self.asking.is_some() {
            // Only a server has a table of them.
            self.sessions.forget_retired();
        }
        if self.probe_due() <= now {
            self.quiet_at = self.transport.content_at();
            self.sent_at = now;
            self.transport.probe();
        }
        if let Some(token) = self.path.poll_check(now) {
            self.transport.check(token);
        }
        if self.challenged.is_some_and(|until| until <= now) {
            self.challenged = None;
            self.unanswered();
        }
        if self.deserted_due() <= now {
            self.over = true;
            self.events.push_back(Event::Gone);
        }
        let unanswered = self.asking.as_ref().is_some_and(|asking| asking.asked() >= 4);
        let silent = unanswered && now.since(self.heard_at) >= SILENCE;
        if silent && !std::mem::replace(&mut self.told_unreachable, true) {
            self.events.push_back(Event::Unreachable);
        }
        self.take_events();
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

    /// When [`Link::handle_timeout`] or [`Link::poll_transmit`] has something to do.
    pub fn poll_timeout(&self, now: Time) -> Time {
        if self.over || self.ended.is_some() {
            return Time::NEVER;
        }
        let mut transport =
            if self.is_up() && !self.resting { self.transport.poll_timeout() } else { Time::NEVER };
        if self.is_short_of_budget() {
            // What is due may not be able to leave: no timer in the past, but another look now and then.
            transport = transport.max(now + SHORT_OF_BUDGET);
        }
        let due = [
            transport,
            self.probe_due(),
            self.sessions.timeout(),
            self.path.timeout(),
            self.ask_due(now),
            self.rest_due(),
            self.deserted_due(),
        ];
        let due = due.into_iter().min().unwrap_or(Time::NEVER);
        self.challenged.map_or(due, |until| due.min(until))
    }

    /// The limits this end tells in its handshakes.
    pub fn limits(settings: &Settings) -> Limits {
        Transport::limits(&settings.transport)
    }

    /// Asks for keys if that is due. `unix`: the wall clock.
    fn ask(&mut self, now: Time, unix: UnixMicros) {
        if self.ask_due(now) > now {
            return;
        }
        let mut index = self.random.u32();
        while self.sessions.has(index) {
            index = self.random.u32();
        }
        if let Some(asking) = &mut self.asking {
            self.outgoing = Some(asking.initiator.start(now, unix, index, &mut self.random));
            asking.on_asked(now);
        }
    }
}
